//! Running the binary, and reading what it says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use runtime::clock;

/// How long anything is waited for.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crypto-pipeline"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Recorded trades and the exchanges' own candles, where this machine has them.
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
pub(crate) fn market_data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/market-data");
    let path = std::env::var_os("MARKET_DATA").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no market data in {} (set MARKET_DATA)", path.display());
    None
}

/// `crypto-pipeline run FILE` on free ports.
pub(crate) fn run(spec: &Path, data_dir: &Path) -> Command {
    let mut command = binary();
    command.arg("run").arg(spec).arg("--data-dir").arg(data_dir);
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a pipeline to its end.
pub(crate) fn run_until_end(spec: &Path, data_dir: &Path) {
    let output = run(spec, data_dir).arg("--until-end").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

pub(crate) fn write(path: &Path, contents: &str) -> PathBuf {
    std::fs::write(path, contents).unwrap();
    path.to_owned()
}

/// A pipeline of one source.
pub(crate) fn spec(dir: &Path, source: &str) -> PathBuf {
    let yaml = format!(
        "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\nmetadata: {{name: test}}\n\
         spec:\n  candles: {{intervals: [1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1M]}}\n  \
         sources:\n    - name: venue\n      {source}\n"
    );
    write(&dir.join("pipeline.yaml"), &yaml)
}

/// One candle by its column names.
pub(crate) type Row = BTreeMap<String, String>;

pub(crate) fn candles_text(data_dir: &Path, symbol: &str, interval: &str) -> String {
    let output = candles(data_dir, symbol, interval);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn candles(data_dir: &Path, symbol: &str, interval: &str) -> Output {
    let mut command = binary();
    command.args(["candles", symbol, "--interval", interval, "--format", "csv", "--data-dir"]);
    command.arg(data_dir).output().unwrap()
}

pub(crate) fn rows(csv: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().unwrap().clone();
    let named = |record: csv::StringRecord| {
        names.iter().zip(&record).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    reader.records().map(|record| named(record.unwrap())).collect()
}

/// A pipeline that runs; killed when it goes out of scope.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) admin: String,
}

impl Running {
    /// Starts it and waits until it has said where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut url, mut admin) = (String::new(), String::new());
        let mut said = Vec::new();
        while admin.is_empty() {
            let line = match lines.next() {
                Some(line) => line.unwrap(),
                None => panic!("it ended: {said:?}"),
            };
            let address = line.rsplit("http://").next().unwrap_or_default().to_owned();
            if line.starts_with("dashboard") {
                url.clone_from(&address);
            } else if line.starts_with("admin") {
                admin = address;
            }
            said.push(line);
        }
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url, admin }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of `GET http://address/path`, whatever the status.
pub(crate) fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = text(&answer);
    Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

/// Waits until a condition holds.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = clock::monotonic();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(started.elapsed() < WAIT_MAX, "waited too long for {what}");
        std::thread::yield_now();
    }
}
