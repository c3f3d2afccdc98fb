//! A pipeline with names of its own, and its workers as processes that are looked at from outside.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::servers::{self, PASSWORD, Postgres};
use e2e::wait;
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take, on a machine that has other work.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

const MIGRATE_TRIES_MAX: usize = 3;

/// A pipeline whose topics and tables are made.
pub(crate) struct Place {
    brokers: String,
    database_url: String,
    directory: TempDir,
}

impl Place {
    /// On servers that all tests share, with `sources` and more of the spec.
    pub(crate) fn new(name: &str, spec: &str) -> Self {
        Self::on(servers::postgres(), servers::kafka().bootstrap(), name, spec)
    }

    pub(crate) fn on(postgres: &Postgres, brokers: String, name: &str, spec: &str) -> Self {
        let prefix = servers::prefix(name);
        let database_url = postgres.fresh_database(&prefix);
        let directory = tempfile::tempdir().unwrap();
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: {name}}}\nspec:\n  prefix: {prefix}\n{spec}"
        );
        std::fs::write(directory.path().join("pipeline.yaml"), yaml).unwrap();
        let place = Self { brokers, database_url, directory };
        // A broker that has just started may take longer than one request waits.
        let made = |_: &usize| {
            let (code, log) = place.start("migrate", &[]).ended();
            (code != Some(0)).then_some(log)
        };
        let failed: Vec<_> = (0..MIGRATE_TRIES_MAX).map_while(|at| made(&at)).collect();
        assert!(failed.len() < MIGRATE_TRIES_MAX, "{failed:#?}");
        place
    }

    /// Starts a command of `worker`.
    pub(crate) fn start(&self, command: &str, more: &[&str]) -> Worker {
        let log = self
            .directory
            .path()
            .join(format!("{command}-{}.log", more.join("")).replace('/', "-"));
        let writer = std::fs::File::create(&log).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"));
        child
            .args(["--log-format", "json", command])
            .arg(self.directory.path().join("pipeline.yaml"))
            .args(["--brokers", &self.brokers]);
        if ["aggregate", "produce"].contains(&command) {
            child.args(["--admin-listen", "127.0.0.1:0"]);
        }
        let child = child
            .args(more)
            .env("DATABASE_URL", &self.database_url)
            .env("REDIS_URL", servers::redis().url())
            .env("CONFIG_VERSION", "7")
            .env("RUST_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(writer)
            .spawn()
            .unwrap();
        Worker { child, log }
    }
}

/// A process of `worker`.
pub(crate) struct Worker {
    child: Child,
    log: PathBuf,
}

impl Worker {
    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where its admin port is, once it is open.
    fn admin(&self) -> SocketAddr {
        wait::for_some("the admin port", WAIT, || {
            self.log().lines().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                (line["message"] == "the admin port is open").then_some(())?;
                line["address"].as_str()?.parse().ok()
            })
        })
    }

    /// The status code and the body of an answer.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin()).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, body.to_owned())
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").1).unwrap()
    }

    /// Each sample by its name and labels, as Prometheus reads it.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let (code, text) = self.get("/metrics");
        assert_eq!(code, 200);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        samples.map(sample).collect()
    }

    /// One sample; 0 where it is not shown.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        *self.metrics().get(&format!("crypto_pipeline_{name}")).unwrap_or(&0.0)
    }

    /// Waits until something is seen of it.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let seen = wait::within(WAIT, || holds(self).then_some(()));
        assert!(
            seen.is_some(),
            "in vain: {what}\n{:#}\n{:#?}\n{}",
            self.status(),
            self.metrics(),
            self.log()
        );
    }

    pub(crate) fn until_ready(&self) {
        self.until("ready", |worker| worker.get("/readyz").0 == 200);
    }

    /// Waits until it ends; its exit code and its log.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let ended = wait::for_some("its end", WAIT, || self.child.try_wait().unwrap());
        (ended.code(), self.log())
    }

    /// Asks it to end and waits until it has. Every line it wrote is JSON and holds no secret.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let ended = wait::for_some("its end", WAIT, || self.child.try_wait().unwrap());
        let log = self.log();
        assert!(ended.success(), "{log}");
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
        }
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
