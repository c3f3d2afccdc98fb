//! PostgreSQL: Debian's own, or version 17 with TimescaleDB in a tree of its own, by chroot.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    fetch,
    guard::Folder,
    port::Port,
    process::{Ending, Launch, NotReady, Server},
};

/// Where its programs run.
mod place;
/// The address and the database of a URL.
mod url;

use place::Place;
use url::Url;

const ANSWER_MAX: Duration = Duration::from_millis(500);

/// Which PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostgresKind {
    /// What the distribution has, at least version 14.
    Plain,
    /// Version 17 with TimescaleDB's Apache edition.
    Timescale,
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The disk: for benchmarks. Its recovery after a kill takes seconds, to sync each file.
    Disk,
    /// The system (`fsync=off`): what was committed outlives a killed server, not a dead machine.
    Relaxed,
}

/// A PostgreSQL server whose superuser is `postgres`. It trusts everyone on this machine.
pub struct Postgres {
    kind: PostgresKind,
    url: Url,
    /// A psql that can reach it.
    psql: String,
    own: Option<Own>,
}

struct Own {
    server: Server,
    port: Port,
    _folders: [Folder; 2],
}

impl Postgres {
    /// One that no other test uses.
    ///
    /// # Panics
    /// When it cannot be had or does not start; its log is printed.
    pub fn private(kind: PostgresKind, durability: Durability) -> Self {
        let [bin] = fetch::paths("postgres", ["postgres"]);
        super::retried(kind.name(), || {
            let own = start(kind, durability, &bin)?;
            let address = own.port.address;
            let url = Url::parse(&format!("postgres://postgres@{address}/postgres"));
            Ok(Self { kind, url, psql: format!("{bin}/psql"), own: Some(own) })
        })
    }

    pub(super) fn given(kind: PostgresKind, url: &str) -> Self {
        let [bin] = fetch::paths("postgres", ["postgres"]);
        Self { kind, url: Url::parse(url), psql: format!("{bin}/psql"), own: None }
    }

    /// The URL of a database of this server, for its superuser.
    pub fn url(&self, database: &str) -> String {
        self.url.with_database(database).to_string()
    }

    /// The URL of a database of this server, for another user; the password is not asked for.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        self.url.with_database(database).with_user(user).to_string()
    }

    /// Makes a new database (with TimescaleDB, where the server has it), and returns its URL.
    ///
    /// # Panics
    /// When the server refuses, saying why.
    pub fn fresh_database(&self, name: &str) -> String {
        let quoted = name.replace('"', "\"\"");
        self.psql(&self.url.database, &format!("CREATE DATABASE \"{quoted}\""));
        match self.kind {
            PostgresKind::Plain => {}
            PostgresKind::Timescale => {
                self.psql(name, "CREATE EXTENSION IF NOT EXISTS timescaledb");
            }
        }
        self.url(name)
    }

    /// What `psql` prints for a statement: rows as lines, columns parted by `|`.
    ///
    /// # Panics
    /// When the server refuses, saying why.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = Command::new(&self.psql)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, "-d"])
            .arg(self.url(database))
            .output()
            .unwrap_or_else(|error| panic!("cannot run \"{}\": {error}", self.psql));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql refuses \"{sql}\": {}", said.trim());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Where it listens, to put a proxy before it.
    ///
    /// # Panics
    /// When it is not ours.
    pub fn address(&self) -> SocketAddr {
        self.own().port.address
    }

    /// Its process.
    ///
    /// # Panics
    /// When it is not ours.
    pub fn server(&self) -> &Server {
        &self.own().server
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect("this PostgreSQL is a person's own; take Postgres::private()")
    }
}

impl PostgresKind {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "postgres",
            Self::Timescale => "timescale",
        }
    }
}

fn start(kind: PostgresKind, durability: Durability, bin: &str) -> Result<Own, NotReady> {
    let place = Place::new(kind, bin);
    let port = Port::free();
    let address = port.address;
    let data = format!("{}/data", place.seen);
    place.run("initdb", &format!("-D {data} -U postgres -A trust --no-sync -E UTF8 --locale=C"));
    place.bring_certificates();
    let mut options = format!(
        "-D {data} -p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
         -c max_connections=200 -c ssl=on -c ssl_cert_file=../server.pem -c ssl_key_file=../server.key",
        address.port()
    );
    if durability == Durability::Relaxed {
        options += " -c fsync=off";
    }
    if kind == PostgresKind::Timescale {
        // The tree has no /dev/shm, and tests say nothing to anyone's telemetry.
        options += " -c dynamic_shared_memory_type=mmap -c shared_preload_libraries=timescaledb \
                    -c timescaledb.telemetry_level=off";
    }
    let logs = Folder::new(kind.name());
    let server = Server::new(Launch {
        name: kind.name().to_owned(),
        command: place.command("postgres", &options),
        log: logs.path.join("log"),
        terminate: Signal::INT,
        end: Ending::Quit,
        ready: Box::new(move || answers(address)),
    })?;
    Ok(Own { server, port, _folders: [place.folder, logs] })
}

/// Whether it lets a client in: its first word is about the password, not about starting up.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(&startup())?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    };
    ask().is_ok_and(|answer| answer == b'R')
}

/// The start-up message of protocol 3.0.
fn startup() -> Vec<u8> {
    let parameters = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(parameters.len() + 8).expect("it is a short message");
    [&length.to_be_bytes(), &196_608_u32.to_be_bytes(), &parameters[..]].concat()
}
