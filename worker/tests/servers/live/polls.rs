use std::time::Duration;

use e2e::venue::{FakeVenue, Tape, VenueClock, VenueKind, VenueOptions, schedule_at_random};
use market::pipeline::Pipeline;
use worker::source::open::{OpenContext, open};
use worker::source::{Event, Faster, Positions, Shared, SourceClock};

use crate::stage::yaml;

/// How many times as fast as the wall: a poll takes some hundredths of a second.
const FACTOR: f64 = 8_000.0;
const POLLS: u64 = 1_000;
/// What the plan allows in 31 days.
const CALLS_A_MONTH: f64 = 10_000.0;
const MONTH_SECONDS: f64 = 31.0 * 86_400.0;
/// A bucket may hold so many.
const BURST: f64 = 10.0;
const WALL_MAX: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_polls_invent_nothing_and_keep_the_plans_budget() {
    let clock = VenueClock::starting_now(FACTOR);
    let begin_ns = clock.now_ns();
    // At the plan's pace a thousand polls take about three days.
    let span = Duration::from_secs(5 * 86_400);
    let until_ns = begin_ns + i64::try_from(span.as_nanos()).unwrap();
    let tape = Tape::generated(7, &["bitcoin", "ethereum"], begin_ns, until_ns, 1.0);
    let schedule = schedule_at_random(VenueKind::CoinGecko, 7, span);
    let key = Some("CG-secret".to_owned());
    let venue = VenueKind::CoinGecko;
    let venue = FakeVenue::start(VenueOptions { venue, clock, tape, schedule, seed: 7, key });
    let spec = format!(
        "  sources:\n    - name: gecko\n      coinGecko: {{plan: demo, endpoints: {{rest: \"{}\"}}, \
         symbols: [{{symbol: BTC, instrument: bitcoin}}, {{symbol: ETH, instrument: ethereum}}]}}\n",
        venue.rest_url()
    );
    let pipeline = Pipeline::from_yaml(&yaml("polls", "polls", &spec)).unwrap();
    let faster: Faster = clock.setting().parse().unwrap();
    let wall = std::sync::Arc::new(runtime::clock::now_ns);
    let mut source = open(
        &pipeline.spec.sources[0],
        &OpenContext {
            positions: &Positions::new(),
            clock: &SourceClock::faster(wall, faster),
            origin_ns: 0,
            allowed_lateness_ns: 0,
            has: &|_| true,
            shared: &Shared::with_keys(Some("CG-secret".into())),
            producers: 1,
        },
    )
    .unwrap();
    let mut quotes = Vec::new();
    let calls = || venue.calls().values().sum::<u64>();
    let polled = tokio::time::timeout(WALL_MAX, async {
        while calls() < POLLS {
            let mut batch = Vec::new();
            // Dropped when it waits long, so that calls are looked at: it has taken nothing then.
            source.next(&mut batch).await.unwrap();
            for emission in batch {
                if let Event::Quote(quote) = emission.event {
                    quotes.push((emission.listing, quote));
                }
            }
        }
    });
    let ended = polled.await;
    assert!(ended.is_ok(), "only {} calls; {:?}", calls(), venue.breaches());
    let seconds = Duration::from_nanos((clock.now_ns() - begin_ns).unsigned_abs()).as_secs_f64();
    let allowed = CALLS_A_MONTH * seconds / MONTH_SECONDS + BURST;
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let made = calls() as f64;
    assert!(made <= allowed, "{made} calls in {seconds} s; {allowed} are allowed");
    assert_eq!(venue.breaches(), Vec::<String>::new());
    let tape = venue.tape();
    let mut last = [0; 2];
    for (listing, quote) in &quotes {
        let coin = ["bitcoin", "ethereum"][*listing];
        let second = quote.event_time_ns / 1_000_000_000;
        assert!(second > last[*listing], "{coin} of {second} comes after {}", last[*listing]);
        last[*listing] = second;
        // A script may add an update of the same second.
        let mut sent = tape.updates[coin].iter().filter(|update| update.last_updated_at == second);
        assert!(sent.any(|update| update.usd == *quote.price), "nobody sent {quote:?}");
    }
    // Most polls bring a quote of each coin, for prices change every minute.
    assert!(quotes.len() > 1_000, "{} quotes", quotes.len());
}
