use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use e2e::venue::{FakeVenue, Tape, TapeTrade, VenueClock, VenueKind, VenueOptions};
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, connect, stream::MaybeTlsStream};

pub(crate) const BINANCE: [&str; 2] = ["BTCUSDT", "ETHUSDT"];
pub(crate) const COINBASE: [&str; 2] = ["BTC-USD", "ETH-USD"];
pub(crate) const KRAKEN: [&str; 2] = ["BTC/USD", "ETH/USD"];
pub(crate) const COINS: [&str; 2] = ["bitcoin", "ethereum"];
pub(crate) const SECOND_NS: i64 = 1_000_000_000;
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
const SEED: u64 = 11;

/// A venue with an hour of history, and an hour to come at 20 trades a second.
pub(crate) fn start(venue: VenueKind, factor: f64) -> FakeVenue {
    start_with(venue, factor, 20.0, None)
}

pub(crate) fn start_with(
    venue: VenueKind,
    factor: f64,
    per_second: f64,
    key: Option<&str>,
) -> FakeVenue {
    let clock = VenueClock::starting_now(factor);
    let instruments = match venue {
        VenueKind::Binance => BINANCE,
        VenueKind::Coinbase => COINBASE,
        VenueKind::Kraken => KRAKEN,
        VenueKind::CoinGecko => COINS,
    };
    let (from_ns, to_ns) =
        (clock.shown_ns - 3_600 * SECOND_NS, clock.origin_ns + 3_600 * SECOND_NS);
    let tape = Tape::generated(SEED, &instruments, from_ns, to_ns, per_second);
    let key = key.map(str::to_owned);
    FakeVenue::start(VenueOptions { venue, clock, tape, schedule: Vec::new(), seed: SEED, key })
}

/// Trades of the instrument that have happened.
pub(crate) fn happened(venue: &FakeVenue, instrument: &str) -> Vec<TapeTrade> {
    venue.happened(instrument)
}

/// A trade that is on the tape.
pub(crate) fn on_tape(venue: &FakeVenue, instrument: &str, id: u64) -> TapeTrade {
    venue.trade(instrument, id).unwrap()
}

/// What REST answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Whether the body is as long as announced.
    pub(crate) is_whole: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The ids of a page, in order.
    pub(crate) fn ids(&self, field: &str) -> Vec<u64> {
        self.json().as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).collect()
    }
}

pub(crate) fn get(venue: &FakeVenue, target: &str) -> Answer {
    get_with(venue, target, "").unwrap()
}

/// A call with more headers; none when the connection is reset.
pub(crate) fn get_with(venue: &FakeVenue, target: &str, headers: &str) -> Option<Answer> {
    let address = venue.socket_url().replace("ws://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: venue\r\n{headers}\r\n").ok()?;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let answer = parsed(&bytes);
        let count = match answer {
            Some(answer) if answer.is_whole => return Some(answer),
            _ => stream.read(&mut buffer).ok()?,
        };
        if count == 0 {
            return parsed(&bytes);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

fn parsed(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let body = String::from_utf8(bytes[end + 4..].to_vec()).unwrap();
    Some(Answer { status, headers, is_whole: body.len() >= length, body })
}

/// A socket of a client that answers pings whenever it reads.
pub(crate) struct Socket(WebSocket<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) fn open(venue: &FakeVenue, path: &str) -> Self {
        Self::try_open(venue, path).unwrap()
    }

    pub(crate) fn try_open(venue: &FakeVenue, path: &str) -> Result<Self, Error> {
        let (socket, _) = connect(format!("{}{path}", venue.socket_url()))?;
        let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("TLS") };
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Ok(Self(socket))
    }

    /// A socket with all of the venue's instruments subscribed.
    pub(crate) fn subscribed(venue: &FakeVenue, kind: VenueKind) -> Self {
        let path = match kind {
            VenueKind::Binance => "/stream?streams=btcusdt@aggTrade/ethusdt@aggTrade",
            VenueKind::Coinbase => "/",
            VenueKind::Kraken | VenueKind::CoinGecko => "/v2",
        };
        let mut socket = Self::open(venue, path);
        match kind {
            VenueKind::Coinbase => socket.say(
                r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channels":["matches","heartbeat"]}"#,
            ),
            VenueKind::Kraken => socket.say(
                r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false},"req_id":1}"#,
            ),
            VenueKind::Binance | VenueKind::CoinGecko => {}
        }
        socket
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    pub(crate) fn ping(&mut self) {
        self.0.send(Message::Ping("x".into())).unwrap();
    }

    /// The next message of whatever type.
    pub(crate) fn message(&mut self) -> Result<Message, Error> {
        self.0.read()
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> String {
        self.try_text().unwrap()
    }

    pub(crate) fn try_text(&mut self) -> Result<String, Error> {
        loop {
            match self.0.read()? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(frame) => {
                    let code = frame.map_or(0, |frame| frame.code.into());
                    return Err(Error::Io(std::io::Error::other(format!("closed {code}"))));
                }
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Texts until one holds this.
    pub(crate) fn until(&mut self, part: &str) -> String {
        loop {
            let text = self.text();
            if text.contains(part) {
                return text;
            }
        }
    }

    /// The next trades of all instruments, each an instrument, an id and a time as written.
    pub(crate) fn trades(&mut self) -> Vec<(String, u64, String)> {
        loop {
            let trades = trades(&self.text());
            if !trades.is_empty() {
                return trades;
            }
        }
    }

    /// So many ids of the instrument, in order of arrival.
    pub(crate) fn ids(&mut self, instrument: &str, count: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let trades = self.trades().into_iter().filter(|trade| trade.0 == instrument);
            ids.extend(trades.map(|trade| trade.1));
        }
        ids
    }

    /// How the session ends, with what is sent before thrown away.
    pub(crate) fn end(&mut self) -> String {
        loop {
            if let Err(error) = self.try_text() {
                return error.to_string();
            }
        }
    }
}

/// The trades of a frame, whichever venue's.
pub(crate) fn trades(text: &str) -> Vec<(String, u64, String)> {
    let frame: Value = serde_json::from_str(text).unwrap();
    let trade = |instrument: &Value, id: &Value, time: &Value| {
        let time = time.as_str().map_or_else(|| time.to_string(), str::to_owned);
        (instrument.as_str().unwrap().to_owned(), id.as_u64().unwrap(), time)
    };
    let data = if frame["data"].is_object() { &frame["data"] } else { &frame };
    if data["e"] == "aggTrade" {
        return vec![trade(&data["s"], &data["a"], &data["T"])];
    }
    if frame["type"] == "match" {
        return vec![trade(&frame["product_id"], &frame["trade_id"], &frame["time"])];
    }
    if frame["channel"] == "trade" {
        let entries = frame["data"].as_array().unwrap().iter();
        return entries
            .map(|entry| trade(&entry["symbol"], &entry["trade_id"], &entry["timestamp"]))
            .collect();
    }
    Vec::new()
}
