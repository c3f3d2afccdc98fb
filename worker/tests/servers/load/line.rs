use std::collections::VecDeque;
use std::time::Instant;

use proptest::test_runner::TestRng;
use runtime::clock;

use super::{Send, below};

const MINUTE_NS: i64 = 60_000_000_000;
const HOUR_NS: i64 = 60 * MINUTE_NS;
/// Of so many ticks …
const ALL: u64 = 100_000;
/// How a tick falls: so many of all, one kind after another.
const FATES: [(u64, Fate); 12] = [
    (4_000, Fate::Delayed),
    (1_000, Fate::Twice),
    (50, Fate::Late),
    (40, Fate::NearlyLate),
    (10, Fate::Vanishes),
    (10, Fate::Void),
    (5, Fate::Lost),
    (80, Fate::Bad),
    (20, Fate::State),
    (15, Fate::Silence),
    (200, Fate::Live),
    (3_000, Fate::Aggregate),
];

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Delayed,
    Twice,
    Late,
    NearlyLate,
    Vanishes,
    Void,
    Lost,
    Bad,
    State,
    Silence,
    Live,
    Aggregate,
}

/// A record that is held back: until so many ticks of its series, or until this time of the tape.
struct Held {
    tick: u64,
    tape_ns: i64,
    record: String,
}

/// One series as a venue would tell it.
pub(super) struct Line {
    symbol: String,
    source: String,
    epoch: u64,
    ticks: u64,
    next_id: u64,
    next_execution: u64,
    /// In hundredths.
    price: i64,
    now_ns: i64,
    silent_to_ns: i64,
    start_due_ns: i64,
    held: VecDeque<Held>,
    /// Minutes that the last record on time lets close, and when it was sent.
    closable: Vec<(i64, Instant)>,
}

/// What the trade of a record says.
struct Said {
    id: u64,
    price: String,
    size: String,
    more: String,
}

impl Line {
    pub(super) fn new(symbol: &str, source: &str, epoch: u64, begin_ns: i64) -> Self {
        Self {
            symbol: symbol.to_owned(),
            source: source.to_owned(),
            epoch,
            ticks: 0,
            next_id: 1_000,
            next_execution: 5_000_000,
            price: 100_000,
            now_ns: begin_ns,
            silent_to_ns: 0,
            start_due_ns: begin_ns + HOUR_NS,
            held: VecDeque::new(),
            closable: vec![(begin_ns / MINUTE_NS, clock::monotonic())],
        }
    }

    /// Vouches for the series from this time on.
    pub(super) fn start(&mut self, send: Send<'_>, from_ns: i64) {
        let Self { symbol, next_id, .. } = self;
        let rest = format!(
            "\"from_ns\":{from_ns},\"next_id\":{next_id},\"ids\":\"dense\",\"space\":\"a\",\
             \"venue\":\"simulated\",\"instrument\":\"{symbol}USDT\",\"base\":\"{symbol}\",\
             \"quote\":\"USDT\",\"usd_basis\":\"par\""
        );
        self.mark(send, "start", &rest);
    }

    /// One tick of the tape, whatever becomes of it.
    pub(super) fn tick(&mut self, send: Send<'_>, dice: &mut TestRng, tape_ns: i64) {
        self.release(send, tape_ns);
        if tape_ns < self.silent_to_ns {
            return;
        }
        (self.now_ns, self.ticks) = (tape_ns, self.ticks + 1);
        if tape_ns >= self.start_due_ns {
            self.start(send, tape_ns);
            self.start_due_ns += HOUR_NS;
        }
        let mut roll = below(dice, ALL);
        let fate = FATES.iter().find_map(|(share, fate)| match roll.checked_sub(*share) {
            Some(rest) => {
                roll = rest;
                None
            }
            None => Some(*fate),
        });
        let ticks = 1 + below(dice, 40);
        match fate {
            Some(Fate::Void) => self.skip(send, dice, "void"),
            Some(Fate::Lost) => self.skip(send, dice, "lost"),
            Some(Fate::Bad) => self.bad(send, dice),
            Some(Fate::State) => {
                let state = ["down", "down", "up", "repairing"][dice_index(dice, 4)];
                self.mark(send, "state", &format!("\"state\":\"{state}\",\"reason\":\"\""));
            }
            Some(Fate::Silence) => {
                let minutes = 1 + i64::try_from(below(dice, 5)).unwrap();
                self.silent_to_ns = tape_ns + minutes * MINUTE_NS;
            }
            Some(Fate::Live) => self.live(send),
            Some(Fate::Vanishes) => self.next_id += 1,
            Some(Fate::Delayed) => {
                let record = self.trade(dice, false);
                self.hold(ticks, i64::MAX, record);
            }
            Some(Fate::Late) => {
                let record = self.trade(dice, false);
                self.hold(u64::MAX, tape_ns + 4 * MINUTE_NS, record);
            }
            Some(Fate::NearlyLate) => {
                let record = self.trade(dice, false);
                let more_ns = i64::try_from(below(dice, 60)).unwrap() * MINUTE_NS / 60;
                self.hold(u64::MAX, tape_ns + more_ns, record);
            }
            Some(Fate::Twice) => {
                let record = self.trade(dice, false);
                send(&self.symbol, record.as_bytes());
                self.hold(ticks, i64::MAX, record);
            }
            Some(Fate::Aggregate) | None => {
                let record = self.trade(dice, fate.is_some());
                send(&self.symbol, record.as_bytes());
                let minute = tape_ns / MINUTE_NS;
                if self.closable.last().is_some_and(|(last, _)| *last < minute) {
                    self.closable.push((minute, clock::monotonic()));
                }
            }
        }
    }

    /// Sends what is held back, vouches for the rest, and says that there is no more.
    pub(super) fn end(&mut self, send: Send<'_>) {
        for held in std::mem::take(&mut self.held) {
            send(&self.symbol, held.record.as_bytes());
        }
        self.live(send);
        self.mark(send, "end", "\"reason\":\"\"");
    }

    /// When each minute could close, by its open time in milliseconds.
    pub(super) fn closable(self) -> Vec<((String, i64), Instant)> {
        let pairs = self.closable.windows(2);
        let minutes = pairs.flat_map(|pair| {
            let (from, (to, at)) = (pair[0].0, pair[1]);
            (from..to).map(move |minute| (minute * MINUTE_NS / 1_000_000, at))
        });
        minutes.map(|(open_ms, at)| ((self.symbol.clone(), open_ms), at)).collect()
    }

    fn hold(&mut self, ticks: u64, tape_ns: i64, record: String) {
        let tick = self.ticks.saturating_add(ticks);
        self.held.push_back(Held { tick, tape_ns, record });
    }

    fn release(&mut self, send: Send<'_>, tape_ns: i64) {
        let ticks = self.ticks;
        let symbol = &self.symbol;
        self.held.retain(|held| {
            let stays = held.tick > ticks && held.tape_ns > tape_ns;
            if !stays {
                send(symbol, held.record.as_bytes());
            }
            stays
        });
    }

    fn live(&self, send: Send<'_>) {
        let Self { now_ns, next_id, .. } = self;
        let rest = format!("\"complete_to_ns\":{now_ns},\"next_id\":{next_id}");
        self.mark(send, "live", &rest);
    }

    fn mark(&self, send: Send<'_>, mark: &str, rest: &str) {
        let Self { symbol, source, epoch, .. } = self;
        let record = format!(
            "{{\"schema\":2,\"kind\":\"mark\",\"mark\":\"{mark}\",\"symbol\":\"{symbol}\",\
             \"source\":\"{source}\",\"epoch\":{epoch},{rest},\"producer_id\":\"load\"}}"
        );
        send(symbol, record.as_bytes());
    }

    /// Some ids that are no trades, or cannot be had.
    fn skip(&mut self, send: Send<'_>, dice: &mut TestRng, mark: &str) {
        let (from_id, to_id) = (self.next_id, self.next_id + below(dice, 3));
        self.next_id = to_id + 1;
        let (from_ns, to_ns) = (self.now_ns - MINUTE_NS / 60, self.now_ns);
        let mut rest = format!("\"from_id\":{from_id},\"to_id\":{to_id}");
        if mark == "lost" {
            rest += &format!(",\"from_ns\":{from_ns},\"to_ns\":{to_ns},\"reason\":\"refused\"");
        }
        self.mark(send, mark, &rest);
    }

    /// The next trade, as its record.
    fn trade(&mut self, dice: &mut TestRng, aggregate: bool) -> String {
        let said = self.next(dice, aggregate);
        self.record(&said, self.now_ns)
    }

    fn next(&mut self, dice: &mut TestRng, aggregate: bool) -> Said {
        let jump = if below(dice, 500) == 0 { 300 } else { 20 };
        let step = i64::try_from(below(dice, 2 * jump + 1)).unwrap() - i64::try_from(jump).unwrap();
        self.price = (self.price + step).clamp(50_000, 200_000);
        let burst = if below(dice, 1_000) == 0 { 400 } else { 1 };
        let size = (1 + below(dice, 5_000)) * burst;
        let side = ["", ",\"side\":\"buy\"", ",\"side\":\"sell\""][dice_index(dice, 3)];
        let mut more = side.to_owned();
        if aggregate {
            let (first, last) = (self.next_execution, self.next_execution + below(dice, 4));
            self.next_execution = last + 1;
            more += &format!(",\"first_id\":{first},\"last_id\":{last}");
        }
        let id = self.next_id;
        self.next_id += 1;
        let price = format!("{}.{:02}", self.price / 100, self.price % 100);
        let size = format!("{}.{:04}", size / 10_000, size % 10_000);
        Said { id, price, size, more }
    }

    fn record(&self, said: &Said, event_ns: i64) -> String {
        let Self { symbol, source, .. } = self;
        let Said { id, price, size, more } = said;
        format!(
            "{{\"schema\":2,\"kind\":\"trade\",\"symbol\":\"{symbol}\",\"source\":\"{source}\",\
             \"price_usd\":null,\"producer_id\":\"load\",\
             \"message_id\":\"simulated:{symbol}USDT:a:{id}\",\"price\":\"{price}\",\
             \"size\":\"{size}\"{more},\"trade_id\":{id},\"event_time_ns\":{event_ns}}}"
        )
    }

    /// A record that cannot be folded; of some the right one comes soon after.
    fn bad(&mut self, send: Send<'_>, dice: &mut TestRng) {
        let said = self.next(dice, false);
        let right = self.record(&said, self.now_ns);
        let with = |price: &str, size: &str, more: &str| {
            let more = format!("{}{more}", said.more);
            let said = Said { id: said.id, price: price.into(), size: size.into(), more };
            self.record(&said, self.now_ns)
        };
        let kind = dice_index(dice, 15);
        let record = match kind {
            0 => right[..right.len() - 7].to_owned(),
            1 => right.replace("\"schema\":2", "\"schema\":3"),
            2 => right.replace(&format!("\"source\":\"{}\"", self.source), "\"source\":\"else\""),
            3 => right.replace("USDT:a:", "USDT:t:"),
            4 => with("0", &said.size, ""),
            5 => with("-1.5", &said.size, ""),
            6 => with("much", &said.size, ""),
            7 => right.replace("\"price\":", "\"prize\":"),
            8 => with(&said.price, "0.000", ""),
            9 => with("0.1234567890123", &said.size, ""),
            10 => with("0.0000001", "0.000000000001", ""),
            11 => right.replace("\"event_time_ns\":", "\"event_time\":"),
            12 => with(&said.price, &said.size, ",\"future\":true"),
            13 => {
                let last = self.next_execution;
                let overlap = format!(",\"first_id\":{},\"last_id\":{last}", last - 1);
                with(&said.price, &said.size, &overlap)
            }
            // A repeat of a folded one that is bad in two ways.
            _ => {
                let said = Said { id: 1_000, price: "0".into(), ..said };
                self.record(&said, self.now_ns + HOUR_NS)
            }
        };
        send(&self.symbol, record.as_bytes());
        // Else its id stays lost.
        if kind > 13 || below(dice, 2) == 0 {
            let ticks = 1 + below(dice, 20);
            self.hold(ticks, i64::MAX, right);
        }
    }
}

fn dice_index(dice: &mut TestRng, bound: u64) -> usize {
    usize::try_from(below(dice, bound)).unwrap()
}
