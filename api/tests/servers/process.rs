use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use e2e::servers::{self, PASSWORD};
use e2e::wait;
use tempfile::TempDir;

use crate::backend::Backend;

const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long it may take to end once it is asked to.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A pipeline file whose prefix is that of a backend's tables.
fn file(prefix: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let yaml = format!(
        "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\nmetadata: {{name: majors}}\n\
         spec:\n  prefix: {prefix}\n  sources: [{{name: binance, simulated: {{symbols: \
         [{{symbol: BTC, instrument: BTCUSDT}}]}}}}]\n"
    );
    std::fs::write(dir.path().join("pipeline.yaml"), yaml).unwrap();
    dir
}

/// `api` by its environment alone.
fn command(dir: &TempDir, database_url: &str, redis_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, value) in [
        ("CRYPTO_PIPELINE_SPEC", dir.path().join("pipeline.yaml").display().to_string()),
        ("LISTEN", "127.0.0.1:0".to_owned()),
        ("ADMIN_LISTEN", "127.0.0.1:0".to_owned()),
        ("DATABASE_URL", database_url.to_owned()),
        ("REDIS_URL", redis_url.to_owned()),
    ] {
        command.env(name, value);
    }
    command
}

/// A process that serves; killed when it goes out of scope.
struct Serving {
    child: Child,
    url: String,
    admin: String,
}

impl Serving {
    fn start(mut command: Command, dir: &TempDir) -> Self {
        let log = dir.path().join("log");
        let child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        let found = wait::for_some("where it listens", WAIT_MAX, || {
            let said = std::fs::read_to_string(&log).unwrap();
            let after = |name: &str| {
                let (_, rest) = said.split_once(name)?;
                Some(rest.split_whitespace().next()?.to_owned())
            };
            Some((after(" url=")?, after(" admin=")?))
        });
        Self { child, url: found.0, admin: found.1 }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn api_waits_unready_for_its_tables_then_serves_and_ends_within_five_seconds() {
    let backend = Backend::new().await;
    let settings = backend.settings();
    // Its tables are there later.
    backend.rename_schema("away");
    let dir = file(&settings.redis.prefix);
    let command = command(&dir, &settings.postgres.url, &settings.redis.url);
    let mut serving = Serving::start(command, &dir);
    assert_eq!(get(&serving.admin, "/readyz"), (503, "the tables cannot be read yet\n".to_owned()));
    assert_eq!(get(&serving.admin, "/livez").0, 200);
    assert_eq!(get(&serving.url, "/health").0, 503);
    assert_eq!(get(&serving.url, "/api/v1/symbols").0, 503);
    backend.rename_schema_back("away");
    wait::until("readiness", WAIT_MAX, || get(&serving.admin, "/readyz").0 == 200);
    assert_eq!(get(&serving.url, "/health").0, 200);
    assert!(get(&serving.url, "/api/v1/symbols").1.contains("\"BTC\""));
    assert!(get(&serving.url, "/").1.contains("<html"));
    assert!(get(&serving.admin, "/metrics").1.contains("process_cpu_seconds_total"));
    assert!(get(&serving.admin, "/status").1.contains("majors"));
    let pid = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let ended = wait::for_some("its end", STOP_MAX, || serving.child.try_wait().unwrap());
    assert!(ended.success(), "{ended}");
}

fn refused(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.contains(words), "{words} in {said}");
    assert!(!said.contains(PASSWORD) && !said.contains("wrong-Secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_one_sentence_and_newer_tables_exit_code_3() {
    let backend = Backend::new().await;
    let settings = backend.settings();
    let (dir, database, redis) =
        (file(&settings.redis.prefix), &settings.postgres.url, &settings.redis.url);
    let run = |mut command: Command| command.output().unwrap();
    refused(&run(command(&dir, "", redis)), 2, "DATABASE_URL is not set");
    refused(&run(command(&dir, database, "")), 2, "REDIS_URL is not set");
    refused(&run(command(&dir, "mysql://a@b/c", redis)), 2, "PostgreSQL URL cannot be read");
    refused(&run(command(&dir, database, "http://b")), 2, "URL of Redis cannot be read");
    let nowhere = servers::postgres().url("nowhere-at-all");
    refused(&run(command(&dir, &nowhere, redis)), 2, "check DATABASE_URL and DATABASE_CA_FILE");
    let mut wrong =
        command(&dir, database, &servers::redis().tls_url().replace(PASSWORD, "wrong-Secret"));
    wrong.env("REDIS_CA_FILE", &servers::certificates().authority);
    refused(&run(wrong), 2, "check REDIS_URL and REDIS_CA_FILE");
    let secret = servers::redis().tls_url();
    refused(&run(command(&dir, database, &secret)), 2, "check REDIS_URL and REDIS_CA_FILE");
    let mut untrusted = command(&dir, &format!("{database}?sslmode=verify-full"), redis);
    untrusted.env("RUST_LOG", "debug");
    refused(&run(untrusted), 2, "check DATABASE_URL and DATABASE_CA_FILE");
    let other = file("other");
    let mut others = command(&other, database, redis);
    let text = std::fs::read_to_string(other.path().join("pipeline.yaml")).unwrap();
    let text = text
        + &format!(
            "  postgres: {{secretRef: {{name: a, key: b}}, schema: {}}}\n",
            settings.postgres.schema
        );
    std::fs::write(other.path().join("pipeline.yaml"), text).unwrap();
    refused(&run(others), 2, "holds the data of prefix");
    others = command(&dir, database, redis);
    backend.set_schema_version(2);
    refused(&run(others), 3, "is of version 2");
    let mut missing = command(&dir, database, redis);
    missing.env("CRYPTO_PIPELINE_SPEC", "/nowhere.yaml");
    refused(&run(missing), 2, "cannot read \"/nowhere.yaml\"");
}
