//! From a signal to a cancelled token.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a shell reports for a program ended by Ctrl-C.
pub const EXIT_INTERRUPTED: i32 = 130;

/// A token that SIGINT or SIGTERM cancels. A second signal ends the process at once with
/// [`EXIT_INTERRUPTED`]: whoever asks twice does not want to wait for a clean end.
///
/// # Errors
/// The system's, when a handler cannot be installed.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        tracing::info!("stopping; a second signal ends it at once");
        cancelled.cancel();
        either(&mut interrupt, &mut terminate).await;
        process::exit(EXIT_INTERRUPTED);
    });
    Ok(token)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Lines, Write};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use super::*;

    const CHILD_ENV: &str = "SHUTDOWN_TEST_CHILD";

    /// Waits for a line that ends so; the test harness writes lines of its own before.
    fn wait_for(lines: &mut Lines<BufReader<ChildStdout>>, ending: &str) {
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line.ends_with(ending)));
    }

    fn send(child: &Child, signal: &str) {
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    async fn child() {
        let token = on_signals().unwrap();
        let mut out = std::io::stdout();
        out.write_all(b"\nready\n").unwrap();
        token.cancelled().await;
        out.write_all(b"\ncancelled\n").unwrap();
        std::future::pending::<()>().await;
    }

    #[tokio::test]
    async fn first_signal_cancels_and_second_exits_at_once() {
        if std::env::var_os(CHILD_ENV).is_some() {
            return child().await;
        }
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shutdown::tests::first_signal_cancels_and_second_exits_at_once"])
            .arg("--nocapture")
            .env(CHILD_ENV, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        wait_for(&mut lines, "ready");
        send(&process, "-TERM");
        wait_for(&mut lines, "cancelled");
        send(&process, "-INT");
        assert_eq!(process.wait().unwrap().code(), Some(EXIT_INTERRUPTED));
    }
}
