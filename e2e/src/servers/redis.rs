//! Redis, in memory only: a restarted one has forgotten everything.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustix::process::Signal;

use super::{
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
            let command = format!(
                "{program} --port {} --bind 127.0.0.1 --dir {} --appendonly no --save",
                address.port(),
                folder.path.display()
            );
            let server = Server::new(Launch {
                name: "redis".to_owned(),
                command: command.split(' ').map(str::to_owned).chain([String::new()]).collect(),
                log,
                terminate: Signal::TERM,
                end: Ending::Kill,
                ready: Box::new(move || answers(address)),
            })?;
            let own = Some(Own { server, port, _folder: folder });
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
