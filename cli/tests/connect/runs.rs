use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use e2e::{servers, wait};
use runtime::clock;
use tempfile::TempDir;

use crate::harness::{Running, WAIT_MAX, binary, get, rows, run_until_end, text, wait_for, write};

/// How long a run may take to end once it is asked to.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A pipeline with names of its own, and the environment that says where its servers are.
struct Place {
    dir: TempDir,
    file: PathBuf,
    database_url: String,
}

impl Place {
    fn new(name: &str, source: &str) -> Self {
        let prefix = servers::prefix(name);
        let dir = TempDir::new().unwrap();
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: test}}\nspec:\n  prefix: {prefix}\n  \
             candles: {{intervals: [1m, 5m, 1h]}}\n  \
             alerts: {{priceChangePercent: 0.2, zScore: 2, volumeBurst: 2}}\n  \
             sources:\n    - name: venue\n      {source}\n  \
             kafka:\n    bootstrapServers: \"{}\"\n    \
             topic: {{partitions: 4, replicationFactor: 1, minInSyncReplicas: 1}}\n",
            servers::kafka().bootstrap()
        );
        let file = write(&dir.path().join("pipeline.yaml"), &yaml);
        let database_url = servers::postgres().fresh_database(&prefix);
        Self { dir, file, database_url }
    }

    /// A command in this environment, and no other.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        for name in ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_WRITER_URL", "DATABASE_READER_URL"] {
            command.env_remove(name);
        }
        command.env("DATABASE_URL", &self.database_url).env("REDIS_URL", servers::redis().url());
        command.args(arguments);
        command
    }

    fn run(&self) -> Command {
        let mut command = self.command(&["run"]);
        command.arg(&self.file).args(["--connect", "--listen", "127.0.0.1:0"]);
        command.args(["--admin-listen", "127.0.0.1:0"]);
        command
    }

    /// What a command prints, with `--connect FILE`.
    fn ask(&self, arguments: &[&str]) -> String {
        self.answer(self.command(arguments).arg("--connect").arg(&self.file))
    }

    fn answer(&self, command: &mut Command) -> String {
        let (out, err) = (self.dir.path().join("out"), self.dir.path().join("err"));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut child = command.spawn().unwrap();
        let ended = wait::within(WAIT_MAX, || child.try_wait().unwrap());
        let said = std::fs::read_to_string(&err).unwrap();
        if ended.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(ended.is_some_and(|ended| ended.success()), "{command:?}: {ended:?} {said}");
        std::fs::read_to_string(&out).unwrap()
    }
}

fn stop(mut running: Running) {
    running.signal("TERM");
    let asked = clock::monotonic();
    let ended = wait_for("its end", || running.child.try_wait().unwrap());
    assert!(ended.success(), "{ended}");
    assert!(asked.elapsed() < STOP_MAX, "{:?}", asked.elapsed());
}

const ARCHIVED: &str = "simulated: {seed: 5, ticksPerSecond: 1, ticks: 6000, \
     startTime: \"2024-08-08T00:00:00Z\", symbols: [{symbol: BTC, instrument: BTCUSDT}, \
     {symbol: ETH, instrument: ETHUSDT}]}";

#[test]
fn a_run_on_real_servers_stores_what_a_run_on_embedded_parts_does() {
    let place = Place::new("same", ARCHIVED);
    let data_dir = place.dir.path().join("data");
    run_until_end(&place.file, &data_dir);
    // Two at once send everything twice, and share the partitions.
    let both = [0, 1].map(|_| {
        place.run().arg("--until-end").stderr(std::process::Stdio::piped()).spawn().unwrap()
    });
    for run in both {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    let data_dir = data_dir.to_str().unwrap();
    for symbol in ["BTC", "ETH"] {
        for interval in ["1m", "5m", "1h"] {
            let asked = ["candles", symbol, "--interval", interval, "--format", "csv"];
            let embedded = place.answer(place.command(&asked).args(["--data-dir", data_dir]));
            assert!(rows(&embedded).len() > 1, "{embedded}");
            assert_eq!(place.ask(&asked), embedded, "{symbol} {interval}");
        }
    }
    let lines = |said: &str| -> Vec<String> {
        // Without the place on the topic, which is another one.
        said.lines().map(|line| line.split_once(']').unwrap().1.to_owned()).collect()
    };
    let asked = ["alerts", "BTC", "--from-beginning"];
    let embedded = lines(&place.answer(place.command(&asked).args(["--data-dir", data_dir])));
    assert!(!embedded.is_empty());
    assert_eq!(lines(&place.ask(&asked)), embedded);
}

const LIVE: &str = "simulated: {seed: 5, ticksPerSecond: 100, prefill: 30m, symbols: \
     [{symbol: BTC, instrument: BTCUSDT}, {symbol: ETH, instrument: ETHUSDT}]}";

#[test]
fn runs_side_by_side_are_seen_by_every_command_and_end_within_five_seconds() {
    let place = Place::new("beside", LIVE);
    let (first, second) = (Running::start(place.run()), Running::start(place.run()));
    let closed = |running: &Running| {
        let page = get(&running.url, "/api/v1/candles/BTC?interval=5m").ok()?;
        (page.matches("\"closed\":true").count() >= 4).then_some(page)
    };
    wait_for("history from the first", || closed(&first));
    wait_for("history from the second", || closed(&second));

    let status = place.ask(&["status"]);
    assert!(status.starts_with("pipeline test: on real servers\n"), "{status}");
    assert!(status.contains("records are not committed yet") && status.contains("BTC:venue"));
    let url = format!("http://{}", first.url);
    let served = place.answer(&mut place.command(&["status", "--server", &url]));
    assert!(served.starts_with("pipeline test: served, healthy\n"), "{served}");
    assert!(!served.contains("nothing so far"), "{served}");
    let admin = format!("http://{}", second.admin);
    let asked = place.answer(&mut place.command(&["status", "--admin", &admin]));
    assert!(asked.starts_with("pipeline test: running, ready\n"), "{asked}");

    let tail = place.ask(&["tail", "ETH", "--max", "3"]);
    assert_eq!(tail.lines().filter(|line| line.contains("  ETH    venue ")).count(), 3, "{tail}");
    let first_record = place.ask(&["tail", "--from-beginning", "--max", "1", "--format", "json"]);
    assert!(first_record.contains("\"start\""), "{first_record}");

    let end = rows(&place.ask(&["candles", "BTC", "--format", "csv", "--limit", "20"]));
    let end = &end[9]["close_time_ms"];
    let asked = ["candles", "BTC", "--format", "csv", "--limit", "5", "--end", end];
    let by_server = place.answer(place.command(&asked).args(["--server", &url]));
    assert_eq!((place.ask(&asked), by_server.lines().count()), (by_server.clone(), 6));

    let alerts = wait_for("alerts", || {
        Some(place.ask(&["alerts", "--from-beginning"])).filter(|said| !said.is_empty())
    });
    let by_server =
        place.answer(place.command(&["alerts", "--from-beginning"]).args(["--server", &url]));
    let oldest = alerts.lines().next().unwrap();
    assert_eq!(by_server.lines().next().unwrap(), oldest);

    // The other one goes on alone.
    stop(first);
    let before = place.ask(&["tail", "BTC", "--max", "1"]);
    assert!(!before.is_empty());
    stop(second);
}

#[test]
fn wrong_and_missing_settings_are_one_sentence_and_exit_code_2() {
    let place = Place::new("wrong", LIVE);
    let check = |mut command: Command, code: i32, words: &str| {
        let output = command.output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.starts_with("error: ") && said.contains(words), "{words} in {said}");
        assert!(!said.contains("Secret-of-this"), "{said}");
    };
    let without = |name: &str| {
        let mut command = place.run();
        command.env_remove(name);
        command
    };
    let with = |name: &str, value: &str| {
        let mut command = place.run();
        command.env(name, value);
        command
    };
    check(without("DATABASE_URL"), 2, "set DATABASE_URL");
    check(without("REDIS_URL"), 2, "set REDIS_URL");
    check(with("DATABASE_URL", "mysql://a:Secret-of-this@b"), 2, "PostgreSQL");
    check(with("REDIS_URL", "http://a:Secret-of-this@b"), 2, "the URL of Redis cannot be read");
    check(with("DATABASE_URL", &(place.database_url.clone() + "x")), 2, "does not let us in");
    check(with("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"), 1, "no broker at \"127.0.0.1:1\"");
    let mut nameless = place.command(&["run", "--connect"]);
    assert_eq!(nameless.output().unwrap().status.code(), Some(2));
    let nowhere = Path::new("nowhere.yaml").to_str().unwrap();
    for command in ["tail", "alerts", "status"] {
        check(place.command(&[command, "--connect", nowhere]), 2, "cannot read \"nowhere.yaml\"");
    }
    // Nothing was made there yet.
    let mut unmade = place.command(&["tail", "--connect"]);
    unmade.arg(&place.file);
    check(unmade, 1, "there is no topic");
}
