//! Where each series goes on, in a compacted topic: what the broker acknowledged.
//!
//! The key of a position is `source/instrument/epoch`, of a simulated market's beginning
//! `simulated/source`; both values are JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::topic::log::read_to_end;
use crate::topic::{Connection, Fetched, Producer, TopicError};

/// The version of the values that this one writes. It reads no other.
pub const VERSION: u32 = 1;

/// The partition of everything.
const PARTITION: i32 = 0;
const ORIGIN_PREFIX: &str = "simulated";

/// Why what is kept cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// Kafka.
    #[error(transparent)]
    UseTopic(#[from] TopicError),
    /// A newer version wrote it.
    #[error(
        "the record \"{key}\" of topic \"{topic}\" was written by a newer version (positions \
         {found}, this version reads {VERSION}); use that version"
    )]
    RefuseNewer {
        /// The topic.
        topic: String,
        /// The record's key.
        key: String,
        /// Its version.
        found: u32,
    },
    /// Something else wrote it.
    #[error(
        "the record \"{key}\" of topic \"{topic}\" is no position; delete it, or let nothing else \
         write there"
    )]
    ReadRecord {
        /// The topic.
        topic: String,
        /// The record's key.
        key: String,
    },
}

/// Where a series goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPosition {
    /// [`VERSION`].
    pub version: u32,
    /// Cluster and id of the ticks topic that has what is before it.
    pub topic: String,
    /// Every id before this one is acknowledged; absent before the first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_id: Option<u64>,
    /// The partition of the series.
    pub partition: i32,
    /// What was acknowledged later is at this offset or after it.
    pub offset: i64,
    /// No trade before `next_id` happened after this, in nanoseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_ns: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredOrigin {
    version: u32,
    origin_ns: i64,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Everything that the topic keeps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct IngestState {
    /// By source and instrument: each epoch's.
    positions: BTreeMap<(String, String), BTreeMap<u64, StoredPosition>>,
    /// By source, in the order of the log.
    origins: BTreeMap<String, Vec<i64>>,
}

impl IngestState {
    /// Reads all of it. Blocks.
    ///
    /// # Errors
    /// [`PositionError`].
    pub fn read(connection: &Connection, topic: &str) -> Result<Self, PositionError> {
        let mut state = Self::default();
        let mut taken = Ok(());
        read_to_end(connection, topic, &[(PARTITION, Some(0))], |record| {
            if taken.is_ok() {
                taken = state.take(topic, record);
            }
        })?;
        taken.map(|()| state)
    }

    fn take(&mut self, topic: &str, record: &Fetched<'_>) -> Result<(), PositionError> {
        let key = String::from_utf8_lossy(record.key.unwrap_or_default());
        let unreadable =
            || PositionError::ReadRecord { topic: topic.to_owned(), key: key.to_string() };
        if !record.value.is_empty() {
            let Versioned { version: found } =
                serde_json::from_slice(record.value).map_err(|_| unreadable())?;
            if found > VERSION {
                let (topic, key) = (topic.to_owned(), key.to_string());
                return Err(PositionError::RefuseNewer { topic, key, found });
            }
        }
        let (source, rest) = key.split_once('/').ok_or_else(unreadable)?;
        let Some((instrument, epoch)) = rest.rsplit_once('/') else {
            if source != ORIGIN_PREFIX {
                return Err(unreadable());
            }
            if record.value.is_empty() {
                self.origins.remove(rest);
                return Ok(());
            }
            let origin: StoredOrigin =
                serde_json::from_slice(record.value).map_err(|_| unreadable())?;
            self.origins.entry(rest.to_owned()).or_default().push(origin.origin_ns);
            return Ok(());
        };
        let epoch: u64 = epoch.parse().map_err(|_| unreadable())?;
        let epochs = self.positions.entry((source.to_owned(), instrument.to_owned())).or_default();
        if record.value.is_empty() {
            epochs.remove(&epoch);
        } else {
            epochs.insert(epoch, serde_json::from_slice(record.value).map_err(|_| unreadable())?);
        }
        Ok(())
    }

    /// The furthest position of a series in this very topic, of all epochs. One that another
    /// topic has acknowledged says nothing about this one.
    #[must_use]
    pub fn furthest(&self, source: &str, instrument: &str, topic: &str) -> Option<&StoredPosition> {
        let epochs = self.positions.get(&(source.to_owned(), instrument.to_owned()))?;
        let here = epochs.values().filter(|position| position.topic == topic);
        // Before the first record, the earliest offset misses nothing.
        here.max_by_key(|position| match position.next_id {
            Some(next_id) => (Some(next_id), position.offset),
            None => (None, position.offset.saturating_neg()),
        })
    }

    /// The epochs of a series, lowest first.
    pub fn epochs(&self, source: &str, instrument: &str) -> impl Iterator<Item = u64> {
        let epochs = self.positions.get(&(source.to_owned(), instrument.to_owned()));
        epochs.into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// The highest epoch of any series of a source.
    #[must_use]
    pub fn highest_epoch(&self, source: &str) -> Option<u64> {
        let of_source = self.positions.iter().filter(|((name, _), _)| name == source);
        of_source.filter_map(|(_, epochs)| epochs.keys().next_back().copied()).max()
    }

    /// When the simulated market of a source began: what was written first.
    #[must_use]
    pub fn origin_ns(&self, source: &str) -> Option<i64> {
        self.origins.get(source)?.first().copied()
    }

    /// Whether the last beginning in the log is the first one, which alone compaction keeps.
    #[must_use]
    pub fn origin_is_kept(&self, source: &str) -> bool {
        self.origins.get(source).is_some_and(|all| all.first() == all.last())
    }
}

/// Writes positions.
pub struct PositionWriter {
    producer: Producer,
}

impl PositionWriter {
    /// A writer to the topic, which waits for Kafka as long as it takes. Connects later.
    ///
    /// # Errors
    /// [`TopicError::CreateClient`].
    pub fn open(connection: &Connection, topic: &str) -> Result<Self, TopicError> {
        let settings = connection.producer(topic, PARTITION + 1);
        Ok(Self { producer: Producer::tracked(&settings, Vec::new())? })
    }

    /// Sends a position.
    ///
    /// # Errors
    /// [`TopicError`].
    pub async fn put(
        &mut self,
        (source, instrument, epoch): (&str, &str, u64),
        position: &StoredPosition,
    ) -> Result<(), TopicError> {
        let key = format!("{source}/{instrument}/{epoch}");
        self.producer.send(key.as_bytes(), &json(position)).await
    }

    /// Forgets the position of an epoch.
    ///
    /// # Errors
    /// [`TopicError`].
    pub async fn forget(
        &mut self,
        (source, instrument, epoch): (&str, &str, u64),
    ) -> Result<(), TopicError> {
        let key = format!("{source}/{instrument}/{epoch}");
        self.producer.forget(key.as_bytes()).await
    }

    /// Sends when a simulated market began.
    ///
    /// # Errors
    /// [`TopicError`].
    pub async fn put_origin(&mut self, source: &str, origin_ns: i64) -> Result<(), TopicError> {
        let key = format!("{ORIGIN_PREFIX}/{source}");
        let origin = StoredOrigin { version: VERSION, origin_ns };
        self.producer.send(key.as_bytes(), &json(&origin)).await
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// [`TopicError`].
    pub async fn flush(&mut self) -> Result<(), TopicError> {
        self.producer.flush().await
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers and texts have a form in JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(records: &[(&str, &str)]) -> Result<IngestState, PositionError> {
        let mut state = IngestState::default();
        for (key, value) in records {
            let (key, value) = (Some(key.as_bytes()), value.as_bytes());
            state.take("s", &Fetched { key, value, partition: 0, offset: 0, timestamp_ms: 0 })?;
        }
        Ok(state)
    }

    const STORED: &str = r#"{"version":1,"topic":"c/t","next_id":105,"partition":3,"offset":13}"#;

    #[test]
    fn what_was_stored_once_is_read_for_ever() {
        let position: StoredPosition = serde_json::from_str(STORED).unwrap();
        let expected = StoredPosition {
            version: 1,
            topic: "c/t".into(),
            next_id: Some(105),
            partition: 3,
            offset: 13,
            event_ns: None,
        };
        assert_eq!(position, expected);
        assert_eq!(String::from_utf8(json(&position)).unwrap(), STORED);
        let state = state(&[("simulated/m", r#"{"version":1,"origin_ns":-5}"#)]).unwrap();
        assert_eq!(state.origin_ns("m"), Some(-5));
    }

    #[test]
    fn the_furthest_of_all_epochs_of_this_topic_counts() {
        let state = state(&[
            ("kraken/BTC/USD/1", STORED),
            ("kraken/BTC/USD/2", &STORED.replace("105", "90")),
            ("kraken/BTC/USD/3", r#"{"version":1,"topic":"c/t","partition":3,"offset":99}"#),
            ("kraken/BTC/USD/4", &STORED.replace("105", "900").replace("c/t", "c/old")),
            ("kraken/BTC/USD/5", &STORED.replace("105", "999")),
            ("kraken/BTC/USD/5", ""),
            ("kraken/ETH/USD/7", r#"{"version":1,"topic":"c/t","partition":1,"offset":9}"#),
            ("kraken/ETH/USD/8", r#"{"version":1,"topic":"c/t","partition":1,"offset":4}"#),
        ])
        .unwrap();
        let found = state.furthest("kraken", "BTC/USD", "c/t").unwrap();
        assert_eq!((found.next_id, found.offset), (Some(105), 13));
        assert_eq!(state.furthest("kraken", "ETH/USD", "c/t").unwrap().offset, 4);
        assert!(state.furthest("kraken", "BTC/USD", "c/new").is_none());
        assert_eq!(state.epochs("kraken", "BTC/USD").collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(state.highest_epoch("kraken"), Some(8));
    }

    #[test]
    fn of_two_beginnings_the_first_counts_and_is_to_be_written_again() {
        let origin = |ns: i64| format!(r#"{{"version":1,"origin_ns":{ns}}}"#);
        let (first, second) = (origin(1), origin(2));
        let raced = state(&[("simulated/m", &first), ("simulated/m", &second)]).unwrap();
        assert_eq!((raced.origin_ns("m"), raced.origin_is_kept("m")), (Some(1), false));
        let mended = [("simulated/m", &*first), ("simulated/m", &second), ("simulated/m", &first)];
        let mended = state(&mended).unwrap();
        assert_eq!((mended.origin_ns("m"), mended.origin_is_kept("m")), (Some(1), true));
    }

    #[test]
    fn what_is_newer_or_no_position_is_refused_by_its_key() {
        let newer = state(&[("a/b/1", r#"{"version":2}"#)]).unwrap_err();
        assert!(matches!(&newer, PositionError::RefuseNewer { found: 2, .. }), "{newer}");
        for (key, value) in [("a", STORED), ("a/b", STORED), ("a/b/c", STORED), ("a/b/1", "{}")] {
            let error = state(&[(key, value)]).unwrap_err();
            assert!(matches!(&error, PositionError::ReadRecord { .. }), "{error}");
            assert!(error.to_string().contains(&format!("\"{key}\"")), "{error}");
        }
    }
}
