//! The ways in which a venue misbehaves, one by one.

use std::time::Duration;

use super::VenueKind;

/// A numbered way to misbehave, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// 1: Every socket is reset.
    Drop,
    /// 2: Every socket is closed with this code; 1006 is an end without any.
    Close(u16),
    /// 3: Open sockets stay open, but nothing is read from or written to them any more.
    Silence,
    /// 4: No pings are sent, or no heartbeats where the venue has those.
    NoPings,
    /// 4: A ping is sent at once, and who does not answer within this time is closed with 1008.
    PongWithin(Duration),
    /// 5: All sockets end, as those that are 24 h old do.
    DayEnds,
    /// 6: Binance says that it shuts down, and closes 10 s later.
    Shutdown,
    /// 7: Sockets are reset and new ones refused; CoinGecko refuses calls.
    Refuse(Refusal),
    /// 8: Sockets are reset, and one instrument cannot be subscribed.
    RefuseInstrument,
    /// 9: Sockets are reset, and trades come 2 s before the answer to a subscription.
    EarlyData,
    /// 10: Sockets are reset, and new ones begin with the last 50 trades.
    Snapshot,
    /// 11: So many trades of each instrument are on no socket, but served by REST.
    Skip(u64),
    /// 12: Sockets are reset and lack 5 trades; REST refuses, then overlaps, then is empty, then
    /// right, in turn.
    BadRepair,
    /// 13: Every frame of trades is sent twice.
    Duplicates,
    /// 14: Trades are out of order by up to 500 ms.
    Reorder,
    /// 15: Some trades on sockets are stamped 1 h ahead, a day ago, with 0, or at Binance with
    /// microseconds; REST has the right time.
    Misstamp,
    /// 16: The venue's clock is 5 s fast, then 5 s slow: trades come early, then late, and all times
    /// it tells are of that clock.
    Skew,
    /// 17: A candle comes before its trades, on a stream that nobody asked for.
    CandleFirst,
    /// 18: The venue is in maintenance: nothing trades.
    Maintenance,
    /// 19: One instrument does not trade and is listed as such; CoinGecko leaves it out.
    Delist,
    /// 20: Some prices and sizes are written oddly: `1e-8`, `1E+2`, whole, `0`.
    OddNumbers,
    /// 21: Unknown messages and fields, 1 MB, fragments, and in the end text that is not UTF-8.
    OddFrames,
    /// 22: So many trades of one instrument happen within a second.
    Burst(u32),
    /// 23: CoinGecko answers from an old copy, without a volume, cut off, and with 304, in turn.
    StaleCache,
    /// 24: Bodies of REST drip, a hundredth a second; sockets are reset and lack 5 trades.
    SlowBody,
    /// 25: Every connection is reset, the new ones too.
    Unreachable,
}

/// How a venue refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 429, perhaps with so many seconds to wait.
    TooMany(Option<u64>),
    /// 418: banned for the whole script.
    Banned,
    /// 403.
    Forbidden,
    /// 451: not from that country.
    Restricted,
    /// 429 of a proxy before the venue: a page, not JSON.
    Page,
}

impl Script {
    /// One for each number from 1 to 25, in order.
    pub const ALL: [Self; 25] = [
        Self::Drop,
        Self::Close(1011),
        Self::Silence,
        Self::NoPings,
        Self::DayEnds,
        Self::Shutdown,
        Self::Refuse(Refusal::TooMany(Some(30))),
        Self::RefuseInstrument,
        Self::EarlyData,
        Self::Snapshot,
        Self::Skip(5),
        Self::BadRepair,
        Self::Duplicates,
        Self::Reorder,
        Self::Misstamp,
        Self::Skew,
        Self::CandleFirst,
        Self::Maintenance,
        Self::Delist,
        Self::OddNumbers,
        Self::OddFrames,
        Self::Burst(20_000),
        Self::StaleCache,
        Self::SlowBody,
        Self::Unreachable,
    ];

    /// The others that numbers with several ways have.
    pub const VARIANTS: [Self; 10] = [
        Self::Close(1000),
        Self::Close(1006),
        Self::Close(1008),
        Self::Close(1012),
        Self::PongWithin(Duration::from_secs(10)),
        Self::Refuse(Refusal::TooMany(None)),
        Self::Refuse(Refusal::Banned),
        Self::Refuse(Refusal::Forbidden),
        Self::Refuse(Refusal::Restricted),
        Self::Refuse(Refusal::Page),
    ];

    /// Every script: [`Self::ALL`] and [`Self::VARIANTS`].
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::VARIANTS)
    }

    /// From 1 to 25.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.words().0
    }

    /// One line for a table.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (u8, &'static str) {
        match self {
            Self::Drop => (1, "drop TCP without close"),
            Self::Close(_) => (2, "close with a code"),
            Self::Silence => (3, "stop answering but keep the socket"),
            Self::NoPings => (4, "stop sending pings or heartbeats"),
            Self::PongWithin(_) => (4, "require a pong soon, else close 1008"),
            Self::DayEnds => (5, "end all sockets as after 24 h"),
            Self::Shutdown => (6, "announce a shutdown, then close"),
            Self::Refuse(Refusal::TooMany(_)) => (7, "refuse with 429"),
            Self::Refuse(Refusal::Banned) => (7, "refuse with 418"),
            Self::Refuse(Refusal::Forbidden) => (7, "refuse with 403"),
            Self::Refuse(Refusal::Restricted) => (7, "refuse with 451"),
            Self::Refuse(Refusal::Page) => (7, "refuse with 429 and a page"),
            Self::RefuseInstrument => (8, "refuse one of the instruments"),
            Self::EarlyData => (9, "send data before the answer to a subscription"),
            Self::Snapshot => (10, "repeat the last 50 trades after a reconnect"),
            Self::Skip(_) => (11, "skip trades, then serve them by REST"),
            Self::BadRepair => (12, "make the repair by REST fail, overlap and be empty"),
            Self::Duplicates => (13, "send every trade twice"),
            Self::Reorder => (14, "send trades out of order within 500 ms"),
            Self::Misstamp => (15, "stamp trades +1 h, -1 day, 0, us for ms"),
            Self::Skew => (16, "run the venue's clock 5 s fast, then slow"),
            Self::CandleFirst => (17, "send a candle before its trades"),
            Self::Maintenance => (18, "go into maintenance and come back"),
            Self::Delist => (19, "let one instrument disappear"),
            Self::OddNumbers => (20, "write prices and sizes oddly"),
            Self::OddFrames => (21, "send odd, broken and huge frames"),
            Self::Burst(_) => (22, "trade in a burst"),
            Self::StaleCache => (23, "answer from an old copy, cut off, without volume"),
            Self::SlowBody => (24, "drip the body of answers"),
            Self::Unreachable => (25, "be unreachable for 10 min"),
        }
    }

    /// Whether it makes sense at this venue.
    ///
    /// CoinGecko has no sockets, so it knows only 7, 16, 19, 20, 23, 24 and 25; 23 is of its cache
    /// and for no other. 6 and 17 are messages of Binance only: Coinbase sends no candles, and the
    /// candles of Kraken are not on the channel of its trades. 8 and 9 are not for Binance: its
    /// streams are in the URL, which is not answered (a client that subscribes by a message meets
    /// both there too).
    #[must_use]
    pub const fn applies_to(self, venue: VenueKind) -> bool {
        match venue {
            VenueKind::Binance => !matches!(self.number(), 8 | 9 | 23),
            VenueKind::Coinbase | VenueKind::Kraken => !matches!(self.number(), 6 | 17 | 23),
            VenueKind::CoinGecko => matches!(self.number(), 7 | 16 | 19 | 20 | 23 | 24 | 25),
        }
    }

    /// Whether a client may rightly take the answer as its last word: 403, 451, and an instrument
    /// that is refused.
    #[must_use]
    pub const fn may_be_final(self) -> bool {
        matches!(
            self,
            Self::RefuseInstrument | Self::Refuse(Refusal::Forbidden | Refusal::Restricted)
        )
    }

    /// After how long, on the venue's clock, the venue is healthy again.
    #[must_use]
    pub const fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::Drop | Self::Close(_) | Self::DayEnds => 1,
            Self::Burst(_) => 2,
            Self::OddNumbers => 5,
            Self::PongWithin(_) | Self::OddFrames => 10,
            Self::Shutdown => 15,
            Self::Duplicates | Self::Reorder | Self::Misstamp => 20,
            Self::EarlyData | Self::Snapshot | Self::Skip(_) | Self::Maintenance => 30,
            Self::Refuse(_)
            | Self::RefuseInstrument
            | Self::BadRepair
            | Self::Skew
            | Self::CandleFirst
            | Self::Delist
            | Self::SlowBody => 60,
            Self::Silence | Self::NoPings => 120,
            Self::StaleCache | Self::Unreachable => 600,
        })
    }

    /// Whether it begins with the end of every socket.
    pub(super) const fn resets_sockets(self) -> bool {
        matches!(
            self,
            Self::Drop
                | Self::Refuse(_)
                | Self::RefuseInstrument
                | Self::EarlyData
                | Self::Snapshot
                | Self::BadRepair
                | Self::SlowBody
                | Self::Unreachable
        )
    }

    /// How many trades of each instrument are on no socket.
    pub(super) const fn skipped(self) -> u64 {
        match self {
            Self::Skip(count) => count,
            Self::BadRepair | Self::SlowBody => 5,
            _ => 0,
        }
    }
}
