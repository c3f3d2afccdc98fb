//! Members under load that are asked to end and started again one by one, and members that are
//! killed or stopped: how late candles come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use market::interval::Interval;
use runtime::clock;

use crate::follower::{Follower, Told};
use crate::load::{Load, LoadOptions, Sent};
use crate::stage::{Addresses, Backend, Stage, Worker, assert_same, closed};

const MEMBERS: usize = 4;
const SYMBOLS: usize = 40;
const TICKS_PER_SECOND: u64 = 3_000;
/// A commit follows its records by this much at most while none of them closes a window.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
const LAG_MAX: Duration = Duration::from_secs(1);
/// How long the lag may be larger after a restart.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);
/// How long after its watermark allows it a candle may come.
const LATE_MAX: Duration = Duration::from_secs(5);
/// What a silent member has until the group gives its partitions to others.
const SESSION: Duration = Duration::from_secs(6);
const END_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How far the store is, seen again and again.
#[derive(Default)]
struct Watch {
    /// How old the oldest record that is not committed was.
    lags: Vec<(Instant, Duration)>,
    /// How long each claim took to its first commit.
    claims: Vec<Duration>,
}

/// Looks until it is told to stop.
fn watch(stage: &Stage, load: &Load, stop: &AtomicBool) -> Watch {
    let mut watch = Watch::default();
    let mut acknowledged: Vec<(Instant, BTreeMap<i32, i64>)> = Vec::new();
    let mut claimed: BTreeMap<i32, (i64, i64, Option<Instant>)> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_EVERY);
        acknowledged.push((clock::monotonic(), load.ends()));
        let rows = stage.psql("SELECT partition, next_offset, claim FROM partition");
        let now = clock::monotonic();
        let mut oldest = now;
        for row in rows.lines() {
            let row: Vec<i64> = row.split('|').map(|word| word.parse().unwrap()).collect();
            let (partition, next, claim) = (i32::try_from(row[0]).unwrap(), row[1], row[2]);
            let after = acknowledged
                .partition_point(|(_, ends)| ends.get(&partition).is_none_or(|end| *end <= next));
            oldest = acknowledged.get(after).map_or(oldest, |(at, _)| oldest.min(*at));
            let (last_claim, last_next, since) =
                claimed.entry(partition).or_insert((claim, next, None));
            if *last_claim != claim {
                (*last_claim, *last_next, *since) = (claim, next, Some(now));
            } else if let Some(begin) = since.filter(|_| next > *last_next) {
                watch.claims.push(now.duration_since(begin));
                *since = None;
            }
        }
        watch.lags.push((now, now.duration_since(oldest)));
    }
    watch
}

fn member(stage: &Stage, index: usize) -> Worker {
    let at = Addresses { worker: format!("member-{index}"), ..stage.addresses() };
    Worker::start("aggregate", &stage.file(), &at, stage.log())
}

/// How long after its watermark allowed it each minute was published.
fn delays(told: &Told, sent: &Sent) -> Vec<Duration> {
    let minutes = told.first.iter().filter(|((_, _, interval, _), _)| *interval == Interval::M1);
    let late = minutes.filter_map(|((symbol, _, _, open_ms), seen)| {
        let allowed = sent.closable.get(&(symbol.clone(), *open_ms))?;
        Some(seen.saturating_duration_since(*allowed))
    });
    let mut late: Vec<Duration> = late.collect();
    late.sort_unstable();
    late
}

/// Members, their load, and who reads what they publish.
struct Fleet {
    stage: Arc<Stage>,
    load: Arc<Load>,
    follower: Follower,
    members: Vec<Worker>,
}

impl Fleet {
    async fn start(name: &str, seed: u64) -> Self {
        let symbols: Vec<String> = (0..SYMBOLS).map(|at| format!("S{at:02}")).collect();
        let named =
            symbols.iter().map(|name| format!("{{symbol: {name}, instrument: {name}USDT}}"));
        let named = named.collect::<Vec<_>>().join(", ");
        let spec =
            format!("  sources:\n    - name: load\n      simulated: {{symbols: [{named}]}}\n");
        let stage = Stage::of(Backend::shared(), name, &spec).await;
        let members = (0..MEMBERS).map(|index| member(&stage, index)).collect();
        stage.until_psql("SELECT count(DISTINCT owner) = 4 AND count(*) = 12 FROM partition");
        let follower = Follower::start(&stage.backend.redis.url(), &stage.pipeline.prefix());
        let load = Load::start(LoadOptions {
            brokers: stage.servers.kafka.brokers.clone(),
            topic: stage.names.ticks.clone(),
            source: "load".to_owned(),
            symbols,
            per_second: TICKS_PER_SECOND,
            seed,
        });
        stage.first_commit();
        Self { stage: Arc::new(stage), load: Arc::new(load), follower, members }
    }

    /// Ends the load, compares everything, and says how late each minute was, in order.
    async fn end(self) -> Vec<Duration> {
        let load = Arc::into_inner(self.load).unwrap();
        let sent = tokio::task::block_in_place(|| load.stop());
        let (stored, _) = tokio::task::block_in_place(|| self.stage.check_stored(self.members));
        let told = self.follower.end().await;
        assert_same("streamed", &told.candles, &closed(&stored));
        delays(&told, &sent)
    }
}

fn worst(all: &[Duration]) -> Duration {
    all.iter().max().copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_restarted_one_by_one_under_load_delay_no_candle_by_five_seconds() {
    let mut fleet = Fleet::start("rolling", 4).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watching = std::thread::spawn({
        let (stage, load) = (Arc::clone(&fleet.stage), Arc::clone(&fleet.load));
        let stop = Arc::clone(&stop);
        move || watch(&stage, &load, &stop)
    });
    let (mut ends, mut restarted) = (Vec::new(), clock::monotonic());
    for index in 0..MEMBERS {
        ends.push(tokio::task::block_in_place(|| fleet.members.remove(0).stop()));
        restarted = clock::monotonic();
        fleet.members.push(member(&fleet.stage, index));
        let back = format!("SELECT count(*) > 0 FROM partition WHERE owner = 'member-{index}'");
        tokio::task::block_in_place(|| fleet.stage.until_psql(&back));
        tokio::time::sleep(COMMIT_EVERY).await;
    }
    let since = clock::monotonic().duration_since(restarted);
    tokio::time::sleep(CATCH_UP_MAX.saturating_sub(since)).await;
    stop.store(true, Ordering::Relaxed);
    let Watch { lags, claims } = watching.join().unwrap();
    let late = fleet.end().await;

    let high = lags.iter().rev().find(|(_, lag)| *lag > COMMIT_EVERY + LAG_MAX);
    let caught_up = high.map(|(at, _)| at.saturating_duration_since(restarted));
    let caught_up = caught_up.unwrap_or_default();
    let all_lags: Vec<Duration> = lags.iter().map(|(_, lag)| *lag).collect();
    println!(
        "rolling restart of {MEMBERS} members at {TICKS_PER_SECOND} ticks/s: end after SIGTERM at \
         most {:?}; lag at most {:?}, below {:?} from {caught_up:?} after the last start on; claim to \
         first commit at most {:?} of {}; {} minutes, half within {:?}, all within {:?} of what \
         their watermark allows",
        worst(&ends),
        worst(&all_lags),
        COMMIT_EVERY + LAG_MAX,
        worst(&claims),
        claims.len(),
        late.len(),
        late[late.len() / 2],
        worst(&late),
    );
    assert!(worst(&ends) < END_MAX);
    assert!(caught_up < CATCH_UP_MAX);
    assert!(worst(&late) < LATE_MAX);
    assert!(claims.len() >= MEMBERS && worst(&claims) < COMMIT_EVERY + LAG_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_and_a_stopped_member_delay_no_candle_by_a_session_and_five_seconds() {
    let mut fleet = Fleet::start("abrupt", 5).await;
    fleet.members.remove(0).kill();
    tokio::time::sleep(SESSION + LATE_MAX).await;
    fleet.members[0].signal("STOP");
    tokio::time::sleep(SESSION + LATE_MAX).await;
    fleet.members[0].signal("CONT");
    let late = fleet.end().await;
    println!(
        "one of {MEMBERS} members killed and another stopped: {} minutes, half within {:?}, all \
         within {:?} of what their watermark allows",
        late.len(),
        late[late.len() / 2],
        worst(&late)
    );
    assert!(worst(&late) < SESSION + LATE_MAX);
}
