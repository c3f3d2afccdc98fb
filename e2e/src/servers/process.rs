//! A server's process: started in a group of its own, noted for the guard, and at a test's mercy.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal};

use super::family::{family, is_gone, is_stopped_or_gone, signal_all};
use super::{guard, logs};
use crate::wait;

const READY_MAX: Duration = Duration::from_secs(180);
const TERMINATE_MAX: Duration = Duration::from_secs(30);
const END_MAX: Duration = Duration::from_secs(5);

/// Notes the signal that ends the group and its id, then becomes the server.
const NOTED: &str = r#"echo "$1 $$" >"$2" && shift 2 && exec "$@""#;

/// How a server is started and ended.
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    pub(super) log: PathBuf,
    /// What a polite person sends.
    pub(super) terminate: Signal,
    /// What leaves nothing behind, at once.
    pub(super) end: Ending,
    /// Whether it answers.
    pub(super) ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// How the harness ends a server that nobody needs any more.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// SIGKILL: nothing outlives it.
    Kill,
    /// SIGQUIT: it ends its children and gives its shared memory back.
    Quit,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    #[error("ended with {status} instead of answering; its log ends\n{log}")]
    Ended { status: ExitStatus, log: String },
    #[error("did not answer within {READY_MAX:?}; its log ends\n{log}")]
    Late { log: String },
    #[error("is not running; start it first")]
    NotStarted,
}

impl NotReady {
    /// Whether another port may help.
    pub(super) fn is_port_taken(&self) -> bool {
        matches!(self, Self::Ended { log, .. } if log.contains("Address already in use"))
    }
}

/// A running server, or one that a test has killed. Ended when dropped.
pub struct Server {
    launch: Launch,
    pid_file: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(super) fn new(launch: Launch) -> Result<Self, NotReady> {
        let server = Self::started(launch);
        server.answers()?;
        Ok(server)
    }

    /// Starts it and does not wait.
    pub(super) fn started(launch: Launch) -> Self {
        logs::watch(&launch.name, &launch.log);
        let pid_file = guard::pid_file(&launch.name);
        let server = Self { launch, pid_file, child: Mutex::new(None) };
        server.start();
        server
    }

    /// The process id.
    ///
    /// # Panics
    /// When it is not running.
    pub fn pid(&self) -> u32 {
        self.running().as_raw_pid().unsigned_abs()
    }

    /// Kills it (SIGKILL), with all processes that it started.
    pub fn kill(&self) {
        self.end(Ending::Kill);
    }

    /// Stops it in its tracks (SIGSTOP), with all processes that it started.
    ///
    /// # Panics
    /// When it is not running.
    pub fn stop(&self) {
        // Its parent first: it would start others meanwhile.
        let leader = self.running();
        for members in [|leader| vec![leader], family] {
            let members = members(leader);
            signal_all(&members, Signal::STOP);
            let what = format!("{} to stop", self.launch.name);
            wait::until(&what, END_MAX, || members.iter().all(|pid| is_stopped_or_gone(*pid)));
        }
    }

    /// Lets it go on after [`Server::stop`] (SIGCONT).
    ///
    /// # Panics
    /// When it is not running.
    pub fn cont(&self) {
        signal_all(&family(self.running()), Signal::CONT);
    }

    /// Asks it to end, and waits until it has: SIGTERM, or PostgreSQL's fast shutdown.
    ///
    /// # Panics
    /// When it is not running, or has not ended within 30 s.
    pub fn terminate(&self) {
        signal_all(&[self.running()], self.launch.terminate);
        let what = format!("the end of {}, which was asked to end", self.launch.name);
        wait::until(&what, TERMINATE_MAX, || self.ended().is_some());
        self.forget();
    }

    /// Starts it again, on the same port and data, and does not wait until it answers.
    ///
    /// # Panics
    /// When it is running.
    pub fn start(&self) {
        let mut child = self.child();
        assert!(child.is_none(), "{} runs already", self.launch.name);
        *child = Some(self.spawn().unwrap_or_else(|error| {
            panic!("cannot start {} as {:?}: {error}", self.launch.name, self.launch.command)
        }));
    }

    /// Waits until it answers.
    ///
    /// # Panics
    /// When it has ended, or does not answer within three minutes; its log is printed.
    pub fn wait_ready(&self) {
        self.answers().unwrap_or_else(|error| panic!("{} {error}", self.launch.name));
    }

    /// Kills it if it runs, starts it on the same port and data, and waits until it answers.
    ///
    /// # Panics
    /// As [`Server::wait_ready`].
    pub fn restart(&self) {
        self.kill();
        self.start();
        self.wait_ready();
    }

    /// Where it logs.
    pub fn log(&self) -> &Path {
        &self.launch.log
    }

    pub(super) fn answers(&self) -> Result<(), NotReady> {
        wait::within(READY_MAX, || match self.ended() {
            Some(Some(status)) => Some(Err(NotReady::Ended { status, log: self.take_log() })),
            Some(None) => Some(Err(NotReady::NotStarted)),
            None => (self.launch.ready)().then_some(Ok(())),
        })
        .unwrap_or_else(|| Err(NotReady::Late { log: self.take_log() }))
    }

    fn take_log(&self) -> String {
        logs::take(&self.launch.log)
    }

    fn spawn(&self) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(&self.launch.log)?;
        Command::new("sh")
            .args(["-c", NOTED, "server", self.launch.end.name()])
            .arg(&self.pid_file)
            .args(&self.launch.command)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
    }

    /// None while it runs; else its status, if it was there at all.
    fn ended(&self) -> Option<Option<ExitStatus>> {
        match self.child().as_mut() {
            Some(child) => child.try_wait().expect("a child can be asked").map(Some),
            None => Some(None),
        }
    }

    fn end(&self, how: Ending) {
        let Some(leader) = self.child().as_ref().map(Pid::from_child) else {
            return;
        };
        if self.ended().is_none() {
            let family = family(leader);
            let gone = || self.ended().is_some() && family[1..].iter().all(|pid| is_gone(*pid));
            if let Ending::Quit = how {
                signal_all(&[leader], Signal::QUIT);
                signal_all(&family, Signal::CONT);
            }
            if let Ending::Kill = how {
                signal_all(&family, Signal::KILL);
            }
            if wait::within(END_MAX, || gone().then_some(())).is_none() {
                signal_all(&family, Signal::KILL);
                wait::within(END_MAX, || gone().then_some(()));
            }
        }
        self.forget();
    }

    fn forget(&self) {
        let _ = fs::remove_file(&self.pid_file);
        *self.child() = None;
    }

    fn running(&self) -> Pid {
        let pid = self.ended().is_none().then(|| self.child().as_ref().map(Pid::from_child));
        pid.flatten().unwrap_or_else(|| panic!("{} is not running", self.launch.name))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(self.launch.end);
        logs::forget(&self.launch.log);
    }
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
        }
    }
}
