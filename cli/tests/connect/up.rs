use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use e2e::{servers, wait};
use tempfile::TempDir;

use crate::harness::{get, text, write};

/// How long a candle may take, on a machine that has other work.
const FOLD_WAIT: Duration = Duration::from_secs(120);

/// A folder that PostgreSQL's own user may pass through.
fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).unwrap();
    dir
}

fn script(name: &str, up: &Path) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name);
    let mut command = Command::new(script);
    command.env("UP_DIR", up).env("BIN_DIR", binaries());
    for name in ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL"] {
        command.env_remove(name);
    }
    command
}

/// Where `worker` and `api` are: beside the binary under test.
fn binaries() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_crypto-pipeline")).parent().unwrap().to_owned();
    for name in ["worker", "api"] {
        assert!(folder.join(name).is_file(), "no {name} there: cargo build --workspace --bins");
    }
    folder
}

/// Ends what was started, should a test fail in between.
struct Down(PathBuf);

impl Drop for Down {
    fn drop(&mut self) {
        let _ = script("down", &self.0).output();
    }
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What stands after a name in what `scripts/up` prints.
fn url(printed: &str, name: &str) -> String {
    let line = printed.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("no {name} in {printed}"))
        .split_whitespace()
        .last()
        .unwrap()
        .into()
}

/// The ids of the processes that were started.
fn pids(up: &Path) -> Vec<String> {
    let noted = std::fs::read_dir(up.join("pids")).unwrap();
    let pid = |path: PathBuf| {
        std::fs::read_to_string(path).unwrap().split(' ').next().unwrap().to_owned()
    };
    noted.map(|entry| pid(entry.unwrap().path())).collect()
}

fn closed_candle(printed: &str) -> Option<()> {
    let address = url(printed, "dashboard");
    let address = address.strip_prefix("http://").unwrap();
    let page = get(address, "/api/v1/candles/BTC?interval=1m").ok()?;
    page.contains("\"closed\":true").then_some(())
}

#[test]
fn make_up_serves_candles_from_real_servers_and_down_leaves_nothing_but_the_data() {
    let dir = folder();
    let up = dir.path().join("up");
    let _down = Down(up.clone());
    let printed = done(&script("up", &up).output().unwrap());
    wait::for_some("a closed candle", FOLD_WAIT, || closed_candle(&printed));
    let again = done(&script("up", &up).output().unwrap());
    assert_eq!(again, printed, "a second time it only says where everything is");
    let started = pids(&up);
    assert_eq!(started.len(), 7, "{started:?}");

    done(&script("down", &up).output().unwrap());
    for pid in &started {
        let left = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!left.contains("worker") && !left.contains("kafka"), "{left}");
    }
    assert!(up.join("postgres/PG_VERSION").is_file(), "the data is kept");

    done(&script("down", &up).env("CLEAN", "1").output().unwrap());
    assert!(!up.exists());
}

#[test]
fn make_up_takes_given_servers_and_starts_none() {
    let dir = folder();
    let up = dir.path().join("up");
    let _down = Down(up.clone());
    let prefix = servers::prefix("up");
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/servers.yaml");
    let spec = std::fs::read_to_string(spec).unwrap();
    let spec = spec.replace("\nspec:\n", &format!("\nspec:\n  prefix: {prefix}\n"));
    let file = write(&dir.path().join("pipeline.yaml"), &spec);
    let mut command = script("up", &up);
    command.arg(&file).env("KAFKA_BOOTSTRAP_SERVERS", servers::kafka().bootstrap());
    command.env("DATABASE_URL", servers::postgres().fresh_database(&prefix));
    command.env("REDIS_URL", servers::redis().url());
    let printed = done(&command.output().unwrap());
    wait::for_some("a closed candle", FOLD_WAIT, || closed_candle(&printed));
    assert_eq!(url(&printed, "kafka"), servers::kafka().bootstrap());
    assert_eq!(pids(&up).len(), 4);
    done(&script("down", &up).output().unwrap());
}
