//! What waits for one client. Bounded: last values take each other's place, and a client that
//! leaves too much of the rest unread has overflowed and is closed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;

use super::frame::{Delivery, Frame};

/// How many frames may wait for one client, beside the answers to its last request.
pub(crate) const FRAMES_MAX: usize = 256;
/// How many frames are taken at a time: the rest stays where newer values can replace it.
const TAKE_MAX: usize = 32;

#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    /// How many of them are answers.
    answers: usize,
    overflowed: bool,
}

/// What a client is sent next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    /// These, in this order.
    Frames(Vec<Utf8Bytes>),
    /// Nothing more: it did not keep up.
    Overflowed,
}

impl Outbox {
    /// Adds a frame.
    ///
    /// A client's requests are read only while nothing waits for it, so that answers are bounded
    /// by what one request can ask for, and do not count.
    pub(crate) fn push(&self, frame: Frame) {
        let mut waiting = self.lock();
        if waiting.overflowed {
            return;
        }
        match &frame.delivery {
            Delivery::LastValue(_) => {
                waiting.frames.retain(|other| other.delivery != frame.delivery);
            }
            Delivery::Answer => waiting.answers += 1,
            Delivery::Kept => {}
        }
        waiting.frames.push_back(frame);
        if waiting.frames.len() - waiting.answers > FRAMES_MAX {
            *waiting = Waiting { overflowed: true, ..Waiting::default() };
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Waits until there is something to send, and takes it. Cancel-safe: nothing is taken
    /// before it returns.
    pub(crate) async fn next(&self) -> Batch {
        loop {
            if let Some(batch) = self.take() {
                return batch;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self) -> Option<Batch> {
        let mut waiting = self.lock();
        if waiting.overflowed {
            return Some(Batch::Overflowed);
        }
        let count = waiting.frames.len().min(TAKE_MAX);
        let frames: Vec<Frame> = waiting.frames.drain(..count).collect();
        waiting.answers -= frames.iter().filter(|frame| frame.delivery == Delivery::Answer).count();
        let frames: Vec<Utf8Bytes> = frames.into_iter().map(|frame| frame.text).collect();
        (!frames.is_empty()).then_some(Batch::Frames(frames))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::channel::Channel;

    fn open_bar(channel: &str, text: &str) -> Frame {
        let channel = Channel::parse(channel).unwrap();
        Frame { text: text.to_owned().into(), delivery: Delivery::LastValue(channel) }
    }

    fn kept(text: &str) -> Frame {
        Frame { text: text.to_owned().into(), delivery: Delivery::Kept }
    }

    async fn texts(outbox: &Outbox) -> Vec<String> {
        match outbox.next().await {
            Batch::Frames(frames) => frames.iter().map(|text| text.to_string()).collect(),
            Batch::Overflowed => vec!["overflowed".to_owned()],
        }
    }

    #[tokio::test]
    async fn newer_open_bar_takes_the_place_of_the_older_one_and_kept_frames_stay() {
        let outbox = Outbox::default();
        outbox.push(open_bar("BTC:binance:1m", "b1"));
        outbox.push(open_bar("ETH:binance:1m", "e1"));
        outbox.push(kept("closed"));
        outbox.push(open_bar("BTC:binance:1m", "b2"));
        assert_eq!(texts(&outbox).await, ["e1", "closed", "b2"]);
    }

    #[tokio::test]
    async fn open_bars_never_overflow_an_outbox() {
        let outbox = Outbox::default();
        for number in 0..10 * FRAMES_MAX {
            outbox.push(open_bar("BTC:binance:1m", &number.to_string()));
        }
        assert_eq!(texts(&outbox).await, [(10 * FRAMES_MAX - 1).to_string()]);
    }

    #[tokio::test]
    async fn too_many_kept_frames_overflow_and_stay_so() {
        let outbox = Outbox::default();
        for number in 0..FRAMES_MAX {
            outbox.push(kept(&number.to_string()));
        }
        assert_eq!(texts(&outbox).await.len(), TAKE_MAX);
        for number in 0..=TAKE_MAX {
            outbox.push(kept(&number.to_string()));
        }
        assert_eq!(texts(&outbox).await, ["overflowed"]);
        outbox.push(kept("more"));
        assert_eq!(texts(&outbox).await, ["overflowed"]);
    }

    #[tokio::test]
    async fn answers_do_not_count() {
        let outbox = Outbox::default();
        for _ in 0..2 * FRAMES_MAX {
            outbox.push(Frame { text: "answer".into(), delivery: Delivery::Answer });
        }
        outbox.push(kept("closed"));
        assert_eq!(texts(&outbox).await, ["answer"; TAKE_MAX]);
    }
}
