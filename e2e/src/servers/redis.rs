//! Redis, in memory only: a restarted one has forgotten everything.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    PASSWORD, USER, certificates,
    certificates::Certificates,
    fetch,
    guard::Folder,
    port::Port,
    process::{Ending, Launch, Server},
};

const ANSWER_MAX: Duration = Duration::from_millis(500);

/// A Redis server.
pub struct Redis {
    url: String,
    own: Option<Own>,
}

struct Own {
    server: Server,
    port: Port,
    tls_port: Port,
    _folder: Folder,
}

impl Redis {
    /// One that no other test uses.
    ///
    /// # Panics
    /// When it does not start; its log is printed.
    pub fn private() -> Self {
        let [program] = fetch::paths("redis", ["redis"]);
        super::retried("redis", || {
            let folder = Folder::new("redis");
            let port = Port::free();
            let address = port.address;
            let log = folder.path.join("log");
            let tls_port = Port::free();
            let command = command(&program, address, tls_port.address, &folder.path);
            let server = Server::new(Launch {
                name: "redis".to_owned(),
                command,
                log,
                terminate: Signal::TERM,
                end: Ending::Kill,
                ready: Box::new(move || answers(address)),
            })?;
            let own = Some(Own { server, port, tls_port, _folder: folder });
            Ok(Self { url: format!("redis://{address}"), own })
        })
    }

    pub(super) fn given(url: String) -> Self {
        Self { url, own: None }
    }

    /// `redis://…`
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// `rediss://user:password@…`: by TLS, as [`super::USER`]; see [`super::certificates`].
    ///
    /// # Panics
    /// When it is not ours.
    pub fn tls_url(&self) -> String {
        format!("rediss://{USER}:{PASSWORD}@{}", self.own().tls_port.address)
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
        self.own.as_ref().expect("the server of REDIS_URL is not ours; take Redis::private()")
    }
}

/// Its settings as arguments; anyone may use the plain port.
fn command(program: &str, address: SocketAddr, tls: SocketAddr, folder: &Path) -> Vec<String> {
    let Certificates { authority, certificate, key, .. } = certificates();
    let words = format!(
        "{program} --bind {} --port {} --tls-port {} --dir {} --appendonly no --tls-auth-clients no \
         --tls-ca-cert-file {} --tls-cert-file {} --tls-key-file {}",
        address.ip(),
        address.port(),
        tls.port(),
        folder.display(),
        authority.display(),
        certificate.display(),
        key.display(),
    );
    let mut command: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let password = format!(">{PASSWORD}");
    let rest = ["--save", "", "--user", USER, "on", &password, "~*", "&*", "+@all"];
    command.extend(rest.map(str::to_owned));
    command
}

fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<[u8; 5]> {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| &answer == b"+PONG")
}
