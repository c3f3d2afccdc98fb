use market::publication::FeedState;
use market::symbol::Symbol;

/// What is seen of a live source from outside. Counts are since it was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// Connections that were lost.
    pub reconnects: u64,
    /// Frames that could not be read.
    pub frames_unreadable: u64,
    /// Frames that wait to be read.
    pub queued: usize,
    /// What of the budget of REST calls is left, from 0 to 1.
    pub rest_left: f64,
    /// Our clock less the venue's, in nanoseconds; `None` before it was measured.
    pub skew_ns: Option<i64>,
    /// Each of its symbols, in the order of its listings.
    pub symbols: Vec<SymbolLook>,
}

/// What is seen of one symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolLook {
    /// Which.
    pub symbol: Symbol,
    /// How its feed is; `None` before anything is known.
    pub state: Option<FeedState>,
    /// Trades that were sent on.
    pub ticks: u64,
    /// Trades that came again.
    pub duplicates: u64,
    /// Holes in its ids that were found.
    pub gaps: u64,
    /// Ids that were fetched.
    pub repaired: u64,
    /// Ids that could not be had.
    pub lost: u64,
}
