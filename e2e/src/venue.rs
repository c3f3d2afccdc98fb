//! A venue that is a server of this process: it speaks Binance's, Coinbase's, Kraken's or
//! CoinGecko's own WebSocket frames and REST, from a tape, by a clock that may run faster than the
//! machine's, and misbehaves as told.
//!
//! ```text
//! Tape ──► Market (what has happened) ──► Feed ──► Dialect ──► frames on a socket
//!            ▲            └───────────────────────► answer ──► pages of REST
//!          Script ──► Faults                        Checks ◄── what clients do
//! ```
//!
//! A trade happens when the venue's clock shows its time. From then on it is on subscribed sockets
//! and served by REST, and neither it nor its id ever changes.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::AbortHandle,
};

/// Binance spot.
mod binance;
/// What clients must not do, and whether they did.
mod checks;
/// The time that a venue and its clients share.
mod clock;
/// CoinGecko.
mod coin_gecko;
/// Coinbase Exchange.
mod coinbase;
/// Seeded numbers.
mod dice;
/// Which scripts are under way.
mod faults;
/// Which trades a socket is due.
mod feed;
/// Tapes that are made up.
mod generate;
/// Requests and answers.
mod http;
/// Kraken spot.
mod kraken;
/// How venues say no.
mod refusal;
/// Which scripts are played when.
mod schedule;
/// The ways to misbehave.
mod script;
/// Connections.
mod server;
/// Sessions with sockets.
mod socket;
/// What connections share.
mod state;
/// What happens, in advance.
mod tape;
/// Times and numbers as venues write them.
mod text;

pub use clock::VenueClock;
pub use schedule::schedule_at_random;
pub use script::{Refusal, Script};
pub use tape::{CoinUpdate, Tape, TapeTrade};

use state::Venue;

/// Whose language a venue speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VenueKind {
    /// Binance spot.
    Binance,
    /// Coinbase Exchange.
    Coinbase,
    /// Kraken spot, WebSocket v2.
    Kraken,
    /// CoinGecko, which has no sockets.
    CoinGecko,
}

impl VenueKind {
    /// Who has instruments of such names: `BTCUSDT`, `BTC-USD`, `BTC/USD` or `bitcoin`.
    #[must_use]
    pub fn of_instrument(name: &str) -> Self {
        match name {
            _ if name.contains('/') => Self::Kraken,
            _ if name.bytes().any(|byte| byte.is_ascii_lowercase()) => Self::CoinGecko,
            _ if name.contains('-') => Self::Coinbase,
            _ => Self::Binance,
        }
    }
}

/// What a venue is to be.
#[derive(Clone, Debug)]
pub struct VenueOptions {
    /// Whose language it speaks.
    pub venue: VenueKind,
    /// The time that it and its clients share.
    pub clock: VenueClock,
    /// What happens; what is past at the start is only served by REST.
    pub tape: Tape,
    /// Scripts to be played, each so long after the start, by the venue's clock.
    pub schedule: Vec<(Duration, Script)>,
    /// Of all that is at random.
    pub seed: u64,
    /// The key that CoinGecko wants, in either of its headers; none is wanted without.
    pub key: Option<String>,
}

/// A running venue; it and its connections end when it is dropped.
pub struct FakeVenue {
    venue: Arc<Venue>,
    address: SocketAddr,
    server: AbortHandle,
}

/// All venues of the process; never dropped, for tests may be async.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("venue").enable_all();
    builder.build().expect("a process may have one more thread")
});

impl FakeVenue {
    /// Starts on a free port.
    ///
    /// # Panics
    /// When none is free.
    #[must_use]
    pub fn start(options: VenueOptions) -> Self {
        Self::start_on(0, options)
    }

    /// Starts on this port of 127.0.0.1, or with 0 on a free one.
    ///
    /// # Panics
    /// When it is taken.
    #[must_use]
    pub fn start_on(port: u16, mut options: VenueOptions) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = listener.unwrap_or_else(|error| panic!("port {port}: {error}"));
        let address = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener can be asynchronous");
        let schedule = std::mem::take(&mut options.schedule);
        let venue = Arc::new(Venue::new(options));
        let shared = Arc::clone(&venue);
        let server = RUNTIME.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener);
            let listener = listener.expect("a listener can be registered with the runtime");
            server::serve(shared, listener, schedule).await;
        });
        Self { venue, address, server: server.abort_handle() }
    }

    /// `ws://127.0.0.1:port`, without a path.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// `http://127.0.0.1:port`; of CoinGecko with `/api/v3`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        let root = if self.venue.kind == VenueKind::CoinGecko { "/api/v3" } else { "" };
        format!("http://{}{root}", self.address)
    }

    /// Begins with a script, whatever is under way. One that does not apply to the venue resets
    /// sockets at most.
    pub fn play(&self, script: Script) {
        self.venue.play(script);
    }

    /// Whether no script is under way.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.venue.faults.is_quiet(self.venue.clock.now_ns())
    }

    /// Scripts that were played, in order, and when, by the venue's clock in nanoseconds.
    #[must_use]
    pub fn played(&self) -> Vec<(i64, Script)> {
        let played = self.venue.faults.after(0);
        played.iter().map(|played| (played.from_ns, played.script)).collect()
    }

    /// What clients did that they must not, in order, each a sentence; the first thousand.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        self.venue.checks.breaches()
    }

    /// The tape as it stands, with what scripts put on it and took from it.
    #[must_use]
    pub fn tape(&self) -> Tape {
        self.venue.market().tape.clone()
    }

    /// The trade of this id, which may be yet to come.
    #[must_use]
    pub fn trade(&self, instrument: &str, id: u64) -> Option<TapeTrade> {
        let market = self.venue.market();
        let trades = market.tape.trades.get(instrument)?;
        let index = id.checked_sub(trades.first()?.id)?;
        trades.get(usize::try_from(index).ok()?).cloned()
    }

    /// The trades that have happened, ascending.
    #[must_use]
    pub fn happened(&self, instrument: &str) -> Vec<TapeTrade> {
        self.venue.market().happened(instrument).to_vec()
    }

    /// Until when trades have happened, in nanoseconds since the epoch; never goes back.
    #[must_use]
    pub fn now_ns(&self) -> i64 {
        self.venue.market().now_ns
    }

    /// Trades that a socket was sent with a wrong time: the instrument, the id, and that time in
    /// nanoseconds. Microseconds in place of milliseconds are listed with the time that they mean,
    /// which is the right one.
    #[must_use]
    pub fn misstamped(&self) -> Vec<(String, u64, i64)> {
        self.venue.misstamped()
    }

    /// The client was killed: the next one cannot know what it was told, nor what it used.
    pub fn forget_client(&self) {
        self.venue.checks.forget_client();
    }

    /// Sockets that were ever opened.
    #[must_use]
    pub fn sockets(&self) -> u64 {
        self.venue.checks.sockets()
    }

    /// Calls of REST by path, without the query; refused ones count too.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.venue.checks.calls()
    }
}

impl Drop for FakeVenue {
    fn drop(&mut self) {
        self.server.abort();
    }
}
