//! Processes of `worker`.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use e2e::wait;

/// Lines of a log that a failure shows.
const LINES_SHOWN: usize = 200;
/// How long a worker may take to end.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// The signal that asks.
const SIGTERM: i32 = 15;

/// Who a worker is, and where it finds its servers.
#[derive(Clone)]
pub(crate) struct Addresses {
    pub(crate) worker: String,
    pub(crate) brokers: String,
    pub(crate) database_url: String,
    pub(crate) redis_url: String,
}

/// A process of `worker`.
pub(crate) struct Worker {
    child: Child,
    log: PathBuf,
}

impl Worker {
    /// Starts `worker COMMAND FILE`.
    pub(crate) fn start(command: &str, file: &Path, at: &Addresses, log: PathBuf) -> Self {
        Self::start_with(command, file, at, log, &[])
    }

    /// As [`Self::start`], with more of an environment.
    pub(crate) fn start_with(
        command: &str,
        file: &Path,
        at: &Addresses,
        log: PathBuf,
        more: &[(&str, String)],
    ) -> Self {
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .arg(command)
            .arg(file)
            .args(["--admin-listen", "127.0.0.1:0", "--brokers", &at.brokers])
            .env("POD_NAME", &at.worker)
            .env("DATABASE_URL", &at.database_url)
            .env("REDIS_URL", &at.redis_url)
            .envs(more.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself; its exit code, and what all have logged.
    pub(crate) fn ended(mut self, limit: Duration) -> (Option<i32>, String) {
        let ended = wait::within(limit, || self.child.try_wait().unwrap());
        let log = std::fs::read_to_string(&self.log).unwrap();
        let ended = ended.unwrap_or_else(|| panic!("it does not end: {log}"));
        (ended.code(), log)
    }

    /// Whether nobody and nothing has ended it.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to end and waits until it has; how long that took.
    pub(crate) fn stop(self) -> Duration {
        let log = self.log.clone();
        let (ended, took) = self.end();
        assert!(ended.success(), "it ends with {ended:?}:\n{}", end_of(&log));
        took
    }

    /// As [`Self::stop`], of one that may have begun so lately that it does not hear yet.
    pub(crate) fn stop_early(self) {
        let log = self.log.clone();
        let (ended, _) = self.end();
        let heard = ended.success() || ended.signal() == Some(SIGTERM);
        assert!(heard, "it ends with {ended:?}:\n{}", end_of(&log));
    }

    fn end(mut self) -> (ExitStatus, Duration) {
        self.signal("TERM");
        let ended = || self.child.try_wait().unwrap();
        let (ended, took) = wait::timed(|| wait::within(STOP_WAIT, ended));
        let ended = ended.unwrap_or_else(|| panic!("it does not end:\n{}", end_of(&self.log)));
        (ended, took)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of a log.
pub(crate) fn end_of(log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(LINES_SHOWN).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
