//! What is said of the metrics of live sources.

use super::super::making::Text;

pub(in super::super) const LIVE_TICKS: Text = Text {
    name: "source_ticks_total",
    unit: "trades",
    meaning: "Trades of a live source that were sent on",
    high: "is the load",
};
pub(in super::super) const LIVE_DUPLICATES: Text = Text {
    name: "source_duplicates_total",
    unit: "trades",
    meaning: "Trades that the venue sent again; without effect",
    high: "after a reconnect that is normal",
};
pub(in super::super) const LIVE_GAPS: Text = Text {
    name: "source_gaps_total",
    unit: "gaps",
    meaning: "Holes in the ids of an instrument that were found, and then repaired or given up",
    high: "the network or the venue loses frames: look at `source_reconnects_total`",
};
pub(in super::super) const LIVE_IDS_REPAIRED: Text = Text {
    name: "source_ids_repaired_total",
    unit: "trades",
    meaning: "Trades that the socket did not bring and REST did",
    high: "as `source_gaps_total`; no candle misses them",
};
pub(in super::super) const LIVE_IDS_LOST: Text = Text {
    name: "source_ids_lost_total",
    unit: "trades",
    meaning: "Ids that neither socket nor REST gave; the candles that they may belong to say \
              `complete: false`",
    high: "read the `gap` rows and the log; `verify` compares with the venue's archive",
};
pub(in super::super) const LIVE_RECONNECTS: Text = Text {
    name: "source_reconnects_total",
    unit: "connections",
    meaning: "Connections to the venue that were lost",
    high: "some a day are normal; more: the log has the reason of each",
};
pub(in super::super) const LIVE_FRAMES_UNREADABLE: Text = Text {
    name: "source_frames_unreadable_total",
    unit: "frames",
    meaning: "Frames that are not what this venue sends; trades in them are fetched by id",
    high: "the venue has changed its frames: look for a newer version",
};
pub(in super::super) const LIVE_UP: Text = Text {
    name: "source_up",
    unit: "0 or 1",
    meaning: "Whether a symbol is connected, without a hole, and vouched for (at most 200)",
    high: "is good; 0: `/status` and the feed's state say why",
};
pub(in super::super) const LIVE_QUEUED_FRAMES: Text = Text {
    name: "source_queued_frames",
    unit: "frames",
    meaning: "Frames that were read from the socket and wait; at 32,768 the connection is closed, \
              and what follows is fetched by id",
    high: "Kafka takes records more slowly than the venue sends them",
};
pub(in super::super) const LIVE_REST_BUDGET: Text = Text {
    name: "source_rest_budget_ratio",
    unit: "0 to 1",
    meaning: "What is left of the calls that this process may make of the venue's REST side",
    high: "is good; near 0: repairs wait, another process may use the same address",
};
pub(in super::super) const LIVE_CLOCK_SKEW_SECONDS: Text = Text {
    name: "source_clock_skew_seconds",
    unit: "seconds",
    meaning: "This machine's clock less the venue's, as the quickest frame of a minute tells",
    high: "beyond 1 or below -1: set this machine's clock by NTP",
};
