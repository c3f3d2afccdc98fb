//! What an outcome means: CoinGecko's code decides, else the status. See
//! <https://docs.coingecko.com/docs/errors-and-rate-limits>.

use market::pipeline::Plan;

use super::{BLOCK_WAIT, THROTTLE_WAIT, nanos};
use crate::source::retry_after;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Outcome<'a> {
    /// Status 200 with a body of prices.
    Fresh,
    /// Status 304, or the same body again.
    Unchanged,
    /// Any other answer, and an error in place of prices.
    Status {
        /// The HTTP status.
        status: u16,
        /// The code in the body, as `prices::refusal` reads it.
        code: Option<u32>,
        /// The header `Retry-After`, as sent.
        retry_after: Option<&'a str>,
    },
    /// No whole answer in time.
    Timeout,
    /// No connection, or one that broke.
    Transport,
    /// Status 200 with a body that cannot be read.
    Unreadable,
}

/// What keeps prices from coming. The text fits a `state` mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::source) enum Trouble {
    /// Too many calls.
    #[error("coingecko limits calls ({status}); raise interval or use a key")]
    LimitCalls {
        /// The HTTP status.
        status: u16,
    },
    /// Status 403 or 451, or a page of the firewall.
    #[error("coingecko blocks this address ({status}); use another network")]
    BlockAddress {
        /// The HTTP status.
        status: u16,
    },
    /// No key where one is needed.
    #[error("coingecko wants an api key; set plan and keySecretRef")]
    MissKey,
    /// A key that is not accepted.
    #[error("coingecko does not accept the api key; check keySecretRef")]
    RefuseKey,
    /// A Pro key on the host of Demo keys.
    #[error("the api key is a pro key; write plan: pro")]
    WantPro,
    /// A Demo key on the host of Pro keys.
    #[error("the api key is a demo key; write plan: demo")]
    WantDemo,
    /// The plan behind the key has no prices.
    #[error("the plan of the api key has no prices; use another key")]
    LackPlan,
    /// Status 404.
    #[error("coingecko has no prices at this path (404); check endpoints")]
    FindPath,
    /// Any other 4xx.
    #[error("coingecko refuses the request ({status}); check the coin ids")]
    RefuseRequest {
        /// The HTTP status.
        status: u16,
    },
    /// Status 408 or 5xx, or one that makes no sense.
    #[error("coingecko fails ({status}); see status.coingecko.com")]
    Serve {
        /// The HTTP status.
        status: u16,
    },
    /// No whole answer in time.
    #[error("coingecko does not answer in time; check the network")]
    AwaitAnswer,
    /// No connection.
    #[error("cannot reach coingecko; check network, dns and endpoints")]
    Connect,
    /// An answer that is not one.
    #[error("cannot read coingecko's answer; check proxy and endpoints")]
    ReadAnswer,
}

/// What is to be done about an outcome. Times are nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Answered,
    /// Ask again at that time.
    Wait(Trouble, i64),
    /// Back off, at least until that time.
    Failed(Trouble, Option<i64>),
    /// The key or the plan is wrong.
    Refused(Trouble),
}

pub(super) fn judge(outcome: Outcome<'_>, plan: Plan, now_ns: i64) -> Verdict {
    match outcome {
        Outcome::Fresh | Outcome::Unchanged => Verdict::Answered,
        Outcome::Timeout => Verdict::Failed(Trouble::AwaitAnswer, None),
        Outcome::Transport => Verdict::Failed(Trouble::Connect, None),
        Outcome::Unreadable => Verdict::Failed(Trouble::ReadAnswer, None),
        Outcome::Status { status, code, retry_after } => {
            let until_ns = retry_after.and_then(|header| retry_after::parse(header, now_ns));
            judge_status(status, code, plan).at(until_ns, now_ns)
        }
    }
}

/// A verdict before its time is known.
enum Class {
    Throttle(u16),
    Block(u16),
    Fail(Trouble),
    Refuse(Trouble),
}

fn judge_status(status: u16, code: Option<u32>, plan: Plan) -> Class {
    match (code, status) {
        // Without a key these cannot be about a key: they come when anonymous calls are limited.
        (Some(10010 | 10011), _) if plan == Plan::Keyless => Class::Throttle(status),
        (Some(10002), _) => Class::Refuse(Trouble::MissKey),
        (Some(10005), _) => Class::Refuse(Trouble::LackPlan),
        (Some(10010), _) => Class::Refuse(Trouble::WantPro),
        (Some(10011), _) => Class::Refuse(Trouble::WantDemo),
        (Some(1020), _) | (_, 403 | 451) => Class::Block(status),
        (Some(429), _) | (_, 418 | 429) => Class::Throttle(status),
        (_, 401) if plan == Plan::Keyless => Class::Refuse(Trouble::MissKey),
        (_, 401) => Class::Refuse(Trouble::RefuseKey),
        (_, 404) => Class::Fail(Trouble::FindPath),
        (_, 408 | 500..) => Class::Fail(Trouble::Serve { status }),
        (_, 400..) => Class::Fail(Trouble::RefuseRequest { status }),
        (_, ..400) => Class::Fail(Trouble::Serve { status }),
    }
}

impl Class {
    fn at(self, until_ns: Option<i64>, now_ns: i64) -> Verdict {
        let or_after = |wait| until_ns.unwrap_or_else(|| now_ns.saturating_add(nanos(wait)));
        match self {
            Self::Throttle(status) => {
                Verdict::Wait(Trouble::LimitCalls { status }, or_after(THROTTLE_WAIT))
            }
            Self::Block(status) => {
                Verdict::Wait(Trouble::BlockAddress { status }, or_after(BLOCK_WAIT))
            }
            Self::Fail(trouble) => Verdict::Failed(trouble, until_ns),
            Self::Refuse(trouble) => Verdict::Refused(trouble),
        }
    }
}
