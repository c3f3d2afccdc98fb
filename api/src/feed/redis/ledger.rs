//! What is new among the entries of the stream. Pure.

use std::collections::{HashMap, VecDeque};

use market::publication::Publication;

use crate::feed::News;

/// Where an entry stands in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryId(pub(super) String);

impl EntryId {
    /// Before the first entry.
    pub(super) fn before_all() -> Self {
        Self("0-0".to_owned())
    }

    pub(super) fn is_before_all(&self) -> bool {
        *self == Self::before_all()
    }
}

/// One entry of the stream; without words when it is none of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    pub(super) words: Option<Words>,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) channel: String,
    /// The number in the channel.
    pub(super) seq: u64,
    /// The publication.
    pub(super) json: String,
}

/// Where the stream of a server stands when it is first read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The last entry that is not of interest.
    pub(super) last_id: EntryId,
    /// The last number of each channel up to there.
    pub(super) numbers: HashMap<String, u64>,
}

/// How far the stream was read.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Which run of the server it was.
    run_id: String,
    last_id: Option<EntryId>,
    /// The last number of each channel.
    numbers: HashMap<String, u64>,
}

impl Ledger {
    /// After which entry the stream of this run of the server is read on: in another run, entries
    /// may stand elsewhere. `None` before the beginning.
    pub(super) fn resume(&mut self, run_id: &str) -> Option<EntryId> {
        if self.run_id != run_id {
            run_id.clone_into(&mut self.run_id);
            self.last_id = self.last_id.as_ref().map(|_| EntryId::before_all());
        }
        self.last_id.clone()
    }

    /// Begins to read.
    pub(super) fn begin(&mut self, beginning: Beginning) {
        self.last_id = Some(beginning.last_id);
        self.numbers = beginning.numbers;
    }

    pub(super) fn last_id(&self) -> EntryId {
        self.last_id.clone().unwrap_or_else(EntryId::before_all)
    }

    /// Adds what is new in a batch to the news. Where numbers were left out, it is said first.
    pub(super) fn take(&mut self, batch: Vec<Entry>, news: &mut VecDeque<News>) {
        let mut publications = Vec::with_capacity(batch.len());
        let mut is_whole = true;
        for Entry { id, words } in batch {
            match words {
                Some(words) => {
                    let last = self.numbers.get(&words.channel).copied();
                    if last.is_none_or(|last| words.seq > last) {
                        is_whole &= last.is_none_or(|last| words.seq == last + 1);
                        publications.extend(publication(&id, &words.json));
                        self.numbers.insert(words.channel, words.seq);
                    }
                }
                None => tracing::warn!(entry = id.0, "an entry of the stream is none of ours"),
            }
            self.last_id = Some(id);
        }
        if !is_whole {
            say_missed(news);
        }
        news.extend(
            publications.into_iter().map(|publication| News::Publication(publication.into())),
        );
    }
}

/// Says once that publications were missed.
pub(super) fn say_missed(news: &mut VecDeque<News>) {
    if !matches!(news.back(), Some(News::Missed)) {
        tracing::warn!("publications were missed; last values are read again");
        news.push_back(News::Missed);
    }
}

fn publication(id: &EntryId, json: &str) -> Option<Publication> {
    let parsed = serde_json::from_str(json);
    parsed
        .inspect_err(|error| tracing::warn!(entry = id.0, %error, "a publication cannot be read"))
        .ok()
}

#[cfg(test)]
mod tests {
    use market::publication::{Feed, FeedState};
    use market::symbol::{Series, SourceName, Symbol};

    use super::*;

    fn entry(id: u64, symbol: &str, seq: u64) -> Entry {
        let series =
            Series { symbol: Symbol::new(symbol).unwrap(), source: SourceName::new("a").unwrap() };
        let channel = format!("{series}:feed");
        let (state, reason) = (FeedState::Up, String::new());
        let feed = Feed { series, state, reason, watermark_ns: 0 };
        let json = serde_json::to_string(&Publication::Feed { seq, feed }).unwrap();
        Entry { id: EntryId(format!("{id}-0")), words: Some(Words { channel, seq, json }) }
    }

    fn begun(numbers: &[(&str, u64)]) -> Ledger {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.resume("one"), None);
        let numbers = numbers.iter().map(|(name, seq)| ((*name).to_owned(), *seq)).collect();
        ledger.begin(Beginning { last_id: EntryId("9-0".to_owned()), numbers });
        ledger
    }

    fn taken(ledger: &mut Ledger, batch: Vec<Entry>) -> Vec<String> {
        let mut news = VecDeque::new();
        ledger.take(batch, &mut news);
        let said = news.into_iter().map(|news| match news {
            News::Publication(publication) => match &*publication {
                Publication::Feed { seq, feed } => format!("{} {seq}", feed.series.symbol),
                other => panic!("none of the test's: {other:?}"),
            },
            News::Missed => "missed".to_owned(),
            News::Ended => "ended".to_owned(),
        });
        said.collect()
    }

    #[test]
    fn repeats_are_dropped_by_their_number() {
        let mut ledger = begun(&[("BTC:a:feed", 4)]);
        let batch = vec![entry(10, "BTC", 4), entry(11, "BTC", 5), entry(12, "BTC", 5)];
        assert_eq!(taken(&mut ledger, batch), ["BTC 5"]);
        let batch = vec![entry(13, "BTC", 3), entry(14, "ETH", 7), entry(15, "BTC", 6)];
        assert_eq!(taken(&mut ledger, batch), ["ETH 7", "BTC 6"]);
    }

    #[test]
    fn number_left_out_is_said_before_what_follows_it() {
        let mut ledger = begun(&[("BTC:a:feed", 4), ("ETH:a:feed", 1)]);
        let batch = vec![entry(10, "BTC", 5), entry(11, "BTC", 7), entry(12, "ETH", 9)];
        assert_eq!(taken(&mut ledger, batch), ["missed", "BTC 5", "BTC 7", "ETH 9"]);
        assert_eq!(taken(&mut ledger, vec![entry(13, "BTC", 8)]), ["BTC 8"]);
    }

    #[test]
    fn another_run_of_the_server_is_read_from_its_beginning() {
        let mut ledger = begun(&[]);
        assert_eq!(taken(&mut ledger, vec![entry(10, "BTC", 5)]), ["BTC 5"]);
        assert_eq!(ledger.resume("one"), Some(EntryId("10-0".to_owned())));
        assert_eq!(ledger.resume("two"), Some(EntryId::before_all()));
        let batch = vec![entry(1, "BTC", 4), entry(2, "BTC", 5), entry(3, "BTC", 6)];
        assert_eq!(taken(&mut ledger, batch), ["BTC 6"]);
        assert_eq!(ledger.resume("two"), Some(EntryId("3-0".to_owned())));
    }

    #[test]
    fn entry_that_is_none_of_ours_is_passed_over() {
        let mut ledger = begun(&[]);
        let mut broken = entry(11, "BTC", 6);
        broken.words.as_mut().unwrap().json = "{}".to_owned();
        let none = Entry { id: EntryId("10-0".to_owned()), words: None };
        assert_eq!(taken(&mut ledger, vec![none, broken, entry(12, "BTC", 7)]), ["BTC 7"]);
        assert_eq!(ledger.last_id(), EntryId("12-0".to_owned()));
    }
}
