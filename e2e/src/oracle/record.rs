//! Bytes to records by a general JSON parser, or the reason of their dead letter.

use serde_json::{Map, Value};

const RECORD_LENGTH_MAX: usize = 4096;
const TEXT_LENGTH_MAX: usize = 64;
/// Digits after the point that a price or size may have.
const DECIMALS: usize = 12;
/// A price or size is below 10^14.
const WHOLE_DIGITS_MAX: usize = 14;

pub(super) type SeriesName = (String, String);

pub(super) enum Record {
    Trade(Trade),
    Mark(Mark),
}

pub(super) struct Trade {
    pub(super) series: SeriesName,
    /// `venue:instrument:space:`.
    pub(super) space: String,
    pub(super) id: u64,
    /// In units of 1e-12.
    pub(super) price: i128,
    pub(super) size: i128,
    pub(super) bought: bool,
    pub(super) executions: Option<(u64, u64)>,
    pub(super) event_ns: i64,
    pub(super) future: bool,
}

pub(super) struct Mark {
    pub(super) series: SeriesName,
    pub(super) epoch: u64,
    pub(super) says: Says,
}

pub(super) enum Says {
    Start { space: String, from_ns: i64, next_id: u64 },
    Live { complete_to_ns: i64, next_id: u64 },
    Lost { from_id: u64, to_id: u64, from_ns: i64, to_ns: i64 },
    Void { from_id: u64, to_id: u64 },
    State { down: bool },
    End,
}

/// A trade that cannot be read as a whole, but well enough to know which it would have been.
pub(super) struct Lost {
    pub(super) series: SeriesName,
    pub(super) space: String,
    pub(super) id: u64,
    pub(super) event_ns: i64,
}

pub(super) struct Bad {
    pub(super) reason: &'static str,
    pub(super) lost: Option<Lost>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Record, Bad> {
    let no_record = Bad { reason: "parse", lost: None };
    if bytes.len() > RECORD_LENGTH_MAX {
        return Err(no_record);
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) else { return Err(no_record) };
    let fields = Fields(fields);
    fields.record().map_err(|reason| Bad { reason, lost: fields.lost() })
}

struct Fields(Map<String, Value>);

impl Fields {
    fn record(&self) -> Result<Record, &'static str> {
        // The reference's form has no schema: a quote of a source that no spec of ours names.
        if self.integer("schema") != Some(2) {
            return Err("schema");
        }
        match self.text("kind").ok_or("schema")? {
            "trade" => self.trade().map(Record::Trade),
            "mark" => self.mark().ok_or("schema").map(Record::Mark),
            _ => Err("schema"),
        }
    }

    fn trade(&self) -> Result<Trade, &'static str> {
        let side = self.text("side");
        if side.is_some_and(|side| side != "buy" && side != "sell") {
            return Err("schema");
        }
        let executions = self.unsigned("first_id").zip(self.unsigned("last_id"));
        if executions.is_some_and(|(first, last)| first > last) {
            return Err("schema");
        }
        Ok(Trade {
            series: self.series().ok_or("schema")?,
            price: self.amount("price")?,
            size: self.amount("size")?,
            event_ns: self.event_ns().ok_or("event_time")?,
            space: self.space().ok_or("schema")?,
            id: self.unsigned("trade_id").ok_or("schema")?,
            bought: side == Some("buy"),
            executions,
            future: self.0.get("future") == Some(&Value::Bool(true)),
        })
    }

    fn mark(&self) -> Option<Mark> {
        let says = match self.text("mark")? {
            "start" => {
                let names = [self.text("venue")?, self.text("instrument")?, self.text("space")?];
                Says::Start {
                    space: names.map(|name| format!("{name}:")).concat(),
                    from_ns: self.integer("from_ns")?,
                    next_id: self.unsigned("next_id")?,
                }
            }
            "live" => Says::Live {
                complete_to_ns: self.integer("complete_to_ns")?,
                next_id: self.unsigned("next_id")?,
            },
            "lost" => Says::Lost {
                from_id: self.unsigned("from_id")?,
                to_id: self.unsigned("to_id")?,
                from_ns: self.integer("from_ns")?,
                to_ns: self.integer("to_ns")?,
            },
            "void" => {
                Says::Void { from_id: self.unsigned("from_id")?, to_id: self.unsigned("to_id")? }
            }
            "state" => Says::State { down: self.text("state")? == "down" },
            "end" => Says::End,
            _ => return None,
        };
        Some(Mark { series: self.series()?, epoch: self.unsigned("epoch")?, says })
    }

    fn lost(&self) -> Option<Lost> {
        if self.text("kind") != Some("trade") {
            return None;
        }
        Some(Lost {
            series: self.series()?,
            space: self.space()?,
            id: self.unsigned("trade_id")?,
            event_ns: self.event_ns()?,
        })
    }

    fn series(&self) -> Option<SeriesName> {
        Some((self.name("symbol")?, self.name("source")?))
    }

    /// `venue:instrument:space:` of `venue:instrument:space:id`.
    fn space(&self) -> Option<String> {
        let message_id = self.name("message_id")?;
        message_id.rfind(':').map(|at| message_id[..=at].to_owned())
    }

    fn event_ns(&self) -> Option<i64> {
        self.integer("event_time_ns").filter(|ns| *ns > 0)
    }

    /// A number above zero, in units of 1e-12.
    fn amount(&self, name: &'static str) -> Result<i128, &'static str> {
        let text = self.text(name).ok_or(name)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(name);
        }
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        if fraction.len() > DECIMALS || whole.len() > WHOLE_DIGITS_MAX {
            return Err("range");
        }
        let units = format!("0{whole}{fraction:0<DECIMALS$}").parse().map_err(|_| "range")?;
        if units > 0 { Ok(units) } else { Err(name) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn name(&self, name: &str) -> Option<String> {
        let text = self.text(name).filter(|text| !text.is_empty() && text.len() <= TEXT_LENGTH_MAX);
        text.map(str::to_owned)
    }

    fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    fn unsigned(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }
}
