//! As much of HTTP/1.1 as a venue needs: requests without a body, and answers that may go wrong.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{VenueClock, text::http_date};

/// A request that is longer is not ours.
const HEAD_MAX: usize = 16 << 10;
/// Into so many pieces a dripping body is cut.
const DRIPS: usize = 100;
/// Between two of them, on the venue's clock.
const DRIP: Duration = Duration::from_secs(1);
/// A timer is never shorter, by the machine's clock.
pub(super) const TIMER_MIN: Duration = Duration::from_millis(5);

/// What a client asks.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// Without the query.
    pub(super) path: String,
    /// Decoded, in order.
    pub(super) query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    Whole,
    /// The connection ends after half of what was announced.
    Cut,
}

/// What a client is answered.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) shape: Shape,
}

impl Request {
    /// The next one of a connection; none when the client has left.
    pub(super) async fn read(stream: &mut TcpStream, left: &mut Vec<u8>) -> Option<Self> {
        loop {
            if let Some(end) = left.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&left[..end]).into_owned();
                left.drain(..end + 4);
                return Self::parse(&head);
            }
            if left.len() > HEAD_MAX || stream.read_buf(left).await.ok()? == 0 {
                return None;
            }
        }
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self { path: decoded(path), query: query.collect(), headers: headers.collect() })
    }

    /// The first of this name.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// A whole number of this name.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.parameter(name)?.parse().ok()
    }

    /// The header of this name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    /// The answer that makes a socket of the connection, if that is what it asks for.
    pub(super) fn upgrade(&self) -> Option<Response> {
        let is_upgrade = self.header("upgrade")?.eq_ignore_ascii_case("websocket");
        let key = self.header("sec-websocket-key").filter(|_| is_upgrade)?;
        let headers = vec![
            ("Upgrade", "websocket".to_owned()),
            ("Connection", "Upgrade".to_owned()),
            ("Sec-WebSocket-Accept", derive_accept_key(key.as_bytes())),
        ];
        Some(Response { status: 101, headers, ..Response::default() })
    }
}

impl Response {
    pub(super) fn json(status: u16, body: String) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self { status, headers, body, shape: Shape::Whole }
    }

    pub(super) fn page(status: u16, body: &str) -> Self {
        let headers = vec![("Content-Type", "text/html; charset=UTF-8".to_owned())];
        Self { status, headers, body: body.to_owned(), shape: Shape::Whole }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Whether it tells the client to wait, and for how many seconds.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let header = self.headers.iter().find(|pair| pair.0.eq_ignore_ascii_case("retry-after"));
        header?.1.parse().ok()
    }

    /// The head, with a date of the venue's clock.
    pub(super) fn head(&self, stamp_ns: i64) -> String {
        let reason = reason(self.status);
        let mut head =
            format!("HTTP/1.1 {} {reason}\r\nDate: {}\r\n", self.status, http_date(stamp_ns));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !matches!(self.status, 101 | 304) {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head
    }

    /// Writes it, and says whether the connection may go on.
    pub(super) async fn write(&self, stream: &mut TcpStream, stamp_ns: i64) -> io::Result<bool> {
        let body = self.body.as_bytes();
        let written = if self.shape == Shape::Cut { &body[..body.len() / 2] } else { body };
        let mut bytes = self.head(stamp_ns).into_bytes();
        bytes.extend_from_slice(written);
        stream.write_all(&bytes).await?;
        Ok(self.shape == Shape::Whole)
    }

    /// Writes its head, and its body bit by bit while `drips` holds.
    pub(super) async fn drip(
        &self,
        stream: &mut TcpStream,
        stamp_ns: i64,
        clock: VenueClock,
        drips: impl Fn() -> bool,
    ) -> io::Result<()> {
        stream.write_all(self.head(stamp_ns).as_bytes()).await?;
        for piece in self.body.as_bytes().chunks(self.body.len() / DRIPS + 1) {
            if drips() {
                tokio::time::sleep(clock.wall(DRIP).max(TIMER_MIN)).await;
            }
            stream.write_all(piece).await?;
        }
        Ok(())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        304 => "Not Modified",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        418 => "I'm a teapot",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        451 => "Unavailable For Legal Reasons",
        _ => "Bad Request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let head = "GET /a%2Fb?ids=x%2Cy&limit=5&on HTTP/1.1\r\nHost: h\r\nX-Key:  k ";
        let request = Request::parse(head).unwrap();
        assert_eq!(request.path, "/a/b");
        assert_eq!(request.parameter("ids"), Some("x,y"));
        assert_eq!(request.number::<u64>("limit"), Some(5));
        assert_eq!(request.number::<u64>("ids"), None);
        assert_eq!(request.parameter("on"), Some(""));
        assert_eq!(request.header("x-key"), Some("k"));
        assert_eq!(decoded("100%"), "100%");
        assert!(Request::parse("POST / HTTP/1.1").is_none());
    }
}
