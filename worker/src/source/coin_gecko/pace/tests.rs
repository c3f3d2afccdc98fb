//! Outcomes to the time of the next call.

use proptest::prelude::*;

use super::*;

const T0: i64 = 1_779_092_258_000_000_000;
const S: i64 = 1_000_000_000;
const MINUTE: Duration = Duration::from_mins(1);

fn pace(plan: Plan, interval: Duration) -> Pace {
    Pace::new(plan, interval, Budget::of(plan), T0)
}

fn keyless() -> Pace {
    pace(Plan::Keyless, MINUTE)
}

fn status(status: u16, code: Option<u32>) -> Outcome<'static> {
    Outcome::Status { status, code, retry_after: None }
}

fn told(status: u16, retry_after: &str) -> Outcome<'_> {
    Outcome::Status { status, code: None, retry_after: Some(retry_after) }
}

/// Seconds, rounded, from the start of a call that takes two and ends so to the next one.
fn wait_s(pace: &mut Pace, outcome: Outcome<'_>, random: u64) -> Option<i64> {
    let now_ns = pace.next_at_ns()?;
    assert!(pace.start(now_ns));
    pace.finish(outcome, now_ns + 2 * S, random);
    Some((pace.next_at_ns()? - now_ns + S / 2) / S)
}

/// Every outcome that there is a rule for.
fn outcomes() -> Vec<Outcome<'static>> {
    let mut outcomes = vec![
        Outcome::Fresh,
        Outcome::Unchanged,
        Outcome::Timeout,
        Outcome::Transport,
        Outcome::Unreadable,
        status(200, Some(429)),
        status(400, Some(1020)),
        told(429, "119"),
        told(429, "99999999999"),
        told(503, "Mon, 18 May 2026 08:20:00 GMT"),
        told(429, "soon"),
    ];
    outcomes.extend(
        [0, 302, 400, 403, 404, 408, 418, 422, 429, 451, 500, 503, 999].map(|s| status(s, None)),
    );
    outcomes
}

fn key_errors() -> Vec<Outcome<'static>> {
    let mut outcomes = vec![status(401, None)];
    outcomes.extend([10002, 10005, 10010, 10011].map(|code| status(400, Some(code))));
    outcomes
}

#[test]
fn the_first_call_is_made_at_once_and_the_next_an_interval_after_its_start() {
    for (plan, interval_s) in [(Plan::Keyless, 60), (Plan::Demo, 268), (Plan::Pro, 20)] {
        let mut pace = pace(plan, Duration::from_secs(interval_s));
        assert_eq!((pace.next_at_ns(), pace.feed()), (Some(T0), Feed::Starting));
        for outcome in [Outcome::Fresh, Outcome::Unchanged, Outcome::Fresh] {
            assert_eq!(wait_s(&mut pace, outcome, 7), i64::try_from(interval_s).ok());
            assert_eq!(pace.feed(), Feed::Up);
        }
        assert_eq!(pace.calls(), 3);
    }
}

#[test]
fn a_call_that_is_too_early_gets_no_leave_and_does_not_count() {
    let mut pace = keyless();
    assert!(pace.start(T0));
    assert!(!pace.start(T0));
    assert!(!pace.start(T0 + 60 * S - 1));
    assert_eq!(pace.calls(), 1);
    // The first call's end was never told: the next one is made all the same.
    assert!(pace.start(T0 + 60 * S));
}

#[test]
fn a_call_after_a_slow_answer_is_made_at_once_and_none_is_made_up() {
    let mut pace = keyless();
    assert!(pace.start(T0));
    pace.finish(Outcome::Fresh, T0 + 300 * S, 0);
    assert!(pace.start(T0 + 300 * S));
    assert!(!pace.start(T0 + 359 * S) && pace.start(T0 + 360 * S));
}

#[test]
fn retry_after_is_obeyed_in_both_forms() {
    for (header, seconds) in [
        // Counted from the answer, two seconds after the start.
        ("119", 121),
        ("3", 60),
        ("0", 60),
        ("Mon, 18 May 2026 08:27:38 GMT", 600),
        ("Mon, 18 May 2020 08:27:38 GMT", 60),
        ("86400", 86_402),
        // Longer than a day is asked again after a day.
        ("86401", 86_402),
        ("99999999999999999999", 86_402),
        // Not readable.
        ("a while", 122),
    ] {
        let mut pace = keyless();
        assert_eq!(wait_s(&mut pace, told(429, header), u64::MAX), Some(seconds), "{header}");
        assert_eq!(pace.feed(), Feed::Down(Trouble::LimitCalls { status: 429 }));
    }
}

#[test]
fn limits_without_retry_after_wait_two_minutes_and_blocks_fifteen() {
    for (outcome, seconds) in [
        (status(429, None), 122),
        (status(418, None), 122),
        (status(200, Some(429)), 122),
        (status(403, None), 902),
        (status(451, None), 902),
        (status(403, Some(1020)), 902),
        (status(503, Some(1020)), 902),
    ] {
        for _ in 0..3 {
            assert_eq!(wait_s(&mut keyless(), outcome, 3), Some(seconds), "{outcome:?}");
        }
    }
}

#[test]
fn errors_back_off_with_full_jitter_up_to_fifteen_minutes() {
    let half = u64::MAX / 2;
    for (random, expected) in [
        (0, [60, 60, 60, 60, 60, 60, 60]),
        (half, [62, 122, 242, 452, 452, 452, 452]),
        (u64::MAX, [122, 242, 482, 902, 902, 902, 902]),
    ] {
        let mut pace = keyless();
        let waits: Vec<_> =
            expected.iter().map(|_| wait_s(&mut pace, Outcome::Timeout, random).unwrap()).collect();
        assert_eq!(waits, expected);
        // What works again ends it.
        assert_eq!(wait_s(&mut pace, Outcome::Fresh, u64::MAX), Some(60));
        assert_eq!(wait_s(&mut pace, status(500, None), 0), Some(60));
    }
}

#[test]
fn a_limit_between_errors_does_not_end_the_backoff() {
    let mut pace = keyless();
    for (outcome, seconds) in
        [(Outcome::Timeout, 122), (status(429, None), 122), (Outcome::Timeout, 242)]
    {
        assert_eq!(wait_s(&mut pace, outcome, u64::MAX), Some(seconds));
    }
}

#[test]
fn an_interval_beyond_the_longest_backoff_stays_the_interval() {
    let mut pace = pace(Plan::Pro, Duration::from_hours(1));
    for _ in 0..5 {
        assert_eq!(wait_s(&mut pace, Outcome::Transport, u64::MAX / 2), Some(3_600));
    }
}

#[test]
fn an_error_with_retry_after_waits_for_the_later() {
    assert_eq!(wait_s(&mut keyless(), told(503, "500"), 0), Some(502));
    assert_eq!(wait_s(&mut keyless(), told(503, "70"), u64::MAX), Some(122));
}

#[test]
fn a_key_that_never_worked_is_refused_for_good_with_what_to_do() {
    for (outcome, text) in key_errors().into_iter().zip([
        "coingecko does not accept the api key; check keySecretRef",
        "coingecko wants an api key; set plan and keySecretRef",
        "the plan of the api key has no prices; use another key",
        "the api key is a pro key; write plan: pro",
        "the api key is a demo key; write plan: demo",
    ]) {
        let mut pace = pace(Plan::Demo, MINUTE);
        assert_eq!(wait_s(&mut pace, outcome, 0), None);
        let Feed::Refused(trouble) = pace.feed() else { panic!("{:?}", pace.feed()) };
        assert_eq!(trouble.to_string(), text);
        assert!(!pace.start(i64::MAX));
        assert_eq!(pace.calls(), 1);
    }
}

#[test]
fn a_key_that_worked_is_refused_for_good_by_the_third_answer_in_a_row() {
    let mut pace = pace(Plan::Pro, MINUTE);
    let refused = status(401, None);
    wait_s(&mut pace, Outcome::Fresh, 0);
    for outcome in [refused, refused, Outcome::Fresh, refused, Outcome::Timeout, refused, refused] {
        assert!(wait_s(&mut pace, outcome, 0).is_some());
    }
    assert_eq!(pace.feed(), Feed::Down(Trouble::RefuseKey));
    assert_eq!(wait_s(&mut pace, refused, 0), None);
    assert_eq!(pace.feed(), Feed::Refused(Trouble::RefuseKey));
}

#[test]
fn without_a_key_a_wrong_key_is_a_limit_and_a_missing_key_is_refused() {
    for code in [10010, 10011] {
        assert_eq!(wait_s(&mut keyless(), status(400, Some(code)), 0), Some(122));
    }
    for outcome in [status(401, None), status(401, Some(10002))] {
        let mut pace = keyless();
        assert_eq!(wait_s(&mut pace, outcome, 0), None);
        assert_eq!(pace.feed(), Feed::Refused(Trouble::MissKey));
    }
}

#[test]
fn every_reason_fits_a_state_mark_and_names_the_status() {
    let all = outcomes().into_iter().chain(key_errors());
    for (outcome, plan) in all.flat_map(|one| [(one, Plan::Keyless), (one, Plan::Demo)]) {
        let mut pace = pace(plan, MINUTE);
        wait_s(&mut pace, outcome, 0);
        let (Feed::Down(trouble) | Feed::Refused(trouble)) = pace.feed() else { continue };
        let text = trouble.to_string();
        assert!(text.len() <= market::tick::TEXT_LENGTH_MAX && text.contains(';'), "{text}");
    }
    assert!(Trouble::Serve { status: 503 }.to_string().contains("(503)"));
}

#[test]
fn keyless_never_calls_more_than_five_times_a_minute() {
    let mut pace = pace(Plan::Keyless, Duration::ZERO);
    for _ in 0..50 {
        assert_eq!(wait_s(&mut pace, Outcome::Fresh, 0), Some(15));
    }
}

#[test]
fn pro_is_limited_by_its_interval_alone() {
    let mut pace = pace(Plan::Pro, Duration::ZERO);
    assert!(pace.start(T0));
    assert_eq!(pace.next_at_ns(), Some(T0 + S));
}

/// Starts of calls, each made as soon as it may be, until `end_ns`.
fn starts(mut pace: Pace, pauses: &[(i64, i64)], end_ns: i64) -> Vec<i64> {
    let mut starts = vec![];
    while let Some(mut now_ns) = pace.next_at_ns().filter(|next_at_ns| *next_at_ns < end_ns) {
        for (from_ns, to_ns) in pauses {
            if (*from_ns..*to_ns).contains(&now_ns) {
                now_ns = *to_ns;
            }
        }
        assert!(pace.start(now_ns));
        let outcome = if starts.len() % 3 == 0 { Outcome::Timeout } else { Outcome::Fresh };
        pace.finish(outcome, now_ns, 0);
        starts.push(now_ns);
    }
    starts
}

#[test]
fn demo_never_passes_its_budget_in_any_31_days() {
    const DAY: i64 = 86_400 * S;
    for interval_s in [1, 60, 268] {
        let pace = pace(Plan::Demo, Duration::from_secs(interval_s));
        let pauses = [(T0 + 3 * DAY, T0 + 5 * DAY), (T0 + 40 * DAY, T0 + 41 * DAY)];
        let starts = starts(pace, &pauses, T0 + 100 * DAY);
        let in_31_days = |from: usize| starts.get(from + 10_000).map(|to| to - starts[from]);
        let least = (0..starts.len()).filter_map(in_31_days).min();
        assert!(least.is_some_and(|least| least > 31 * DAY), "{interval_s}: {least:?}");
        // And uses it: 97 days of calling.
        assert!(starts.len() > 97 * 9_990 / 31, "{interval_s}: {}", starts.len());
    }
}

#[test]
fn the_default_interval_of_demo_is_within_its_budget() {
    let budget = Budget::of(Plan::Demo).unwrap();
    let mut pace = Pace::new(Plan::Demo, Duration::from_secs(268), Some(budget), T0);
    for _ in 0..10_000 {
        assert_eq!(wait_s(&mut pace, Outcome::Fresh, 0), Some(268));
    }
}

#[test]
fn a_pause_is_made_up_by_a_small_burst_only() {
    let mut pace = pace(Plan::Demo, Duration::from_secs(1));
    wait_s(&mut pace, Outcome::Fresh, 0);
    let mut now_ns = T0 + 10 * 86_400 * S;
    let mut gaps_s = vec![];
    for _ in 0..8 {
        assert!(pace.start(now_ns));
        pace.finish(Outcome::Fresh, now_ns, 0);
        gaps_s.push((pace.next_at_ns().unwrap() - now_ns) / S);
        now_ns = pace.next_at_ns().unwrap();
    }
    assert_eq!(gaps_s, [1, 1, 1, 1, 263, 267, 267, 267]);
}

#[test]
fn a_clock_that_is_set_back_is_not_waited_for() {
    let mut pace = pace(Plan::Demo, Duration::from_secs(268));
    assert!(pace.start(T0));
    pace.finish(Outcome::Fresh, T0 + S, 0);
    let back_ns = T0 - 86_400 * S;
    assert!(!pace.start(back_ns));
    assert!(pace.next_at_ns().unwrap() - back_ns <= 268 * S);
    assert!(pace.start(pace.next_at_ns().unwrap()));
}

#[test]
fn times_at_the_end_of_64_bits_do_not_overflow() {
    let per = Duration::MAX;
    for budget in [None, Some(Budget { calls: 0, per, burst: 9 }), Budget::of(Plan::Demo)] {
        let mut pace = Pace::new(Plan::Demo, Duration::MAX, budget, i64::MAX - 1);
        assert!(pace.start(i64::MAX));
        pace.finish(told(503, "99999999999"), i64::MAX, u64::MAX);
        pace.finish(Outcome::Timeout, i64::MIN, u64::MAX);
        assert!(!pace.start(i64::MIN));
    }
}

/// A call: how late after its time it starts, how long it takes, how it ends.
fn call() -> impl Strategy<Value = (i64, i64, Outcome<'static>, u64)> {
    let outcome = prop::sample::select(outcomes());
    (0..5 * S, 0..90 * S, outcome, any::<u64>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_1000_outcomes_keep_budget_and_interval_and_never_stall(
        plan in prop::sample::select(vec![Plan::Keyless, Plan::Demo, Plan::Pro]),
        interval_s in 1..400_u64,
        budget in (2..30_u32, 1..600_u64, 1..4_u32),
        ends in prop::collection::vec(call(), 1_000),
    ) {
        let (calls, per_s, burst) = budget;
        let budget = Budget { calls, per: Duration::from_secs(per_s), burst: burst.min(calls - 1) };
        let interval_ns = nanos(Duration::from_secs(interval_s));
        let mut pace = Pace::new(plan, Duration::from_secs(interval_s), Some(budget), T0);
        let (mut starts, mut told_ns) = (Vec::<i64>::new(), T0);
        let longest_ns = nanos(budget.per) + interval_ns.max(nanos(BACKOFF_MAX));
        for (late_ns, takes_ns, outcome, random) in ends {
            let next_at_ns = pace.next_at_ns().unwrap();
            let now_ns = next_at_ns + late_ns;
            prop_assert!(next_at_ns <= told_ns || !pace.clone().start(next_at_ns - 1));
            prop_assert!(pace.start(now_ns));
            told_ns = now_ns + takes_ns;
            pace.finish(outcome, told_ns, random);
            if let Some(last) = starts.last() {
                prop_assert!(now_ns - last >= interval_ns);
            }
            starts.push(now_ns);
            let asked_ns = match outcome {
                Outcome::Status { retry_after: Some(_), .. } => nanos(RETRY_AFTER_MAX),
                _ => 0,
            };
            let wait_ns = pace.next_at_ns().unwrap() - now_ns - takes_ns;
            prop_assert!(wait_ns <= longest_ns.max(asked_ns), "{outcome:?} waits {wait_ns}");
        }
        prop_assert_eq!(pace.calls(), 1_000);
        let calls = calls as usize;
        for from in 0..starts.len() - calls {
            prop_assert!(starts[from + calls] - starts[from] > nanos(budget.per));
        }
        // The venue is well again.
        let now_ns = pace.next_at_ns().unwrap();
        prop_assert!(pace.start(now_ns));
        pace.finish(Outcome::Fresh, now_ns, 0);
        prop_assert_eq!(pace.feed(), Feed::Up);
        let next_ns = pace.next_at_ns().unwrap() - now_ns;
        prop_assert!(next_ns >= interval_ns && next_ns <= interval_ns + nanos(budget.per));
    }
}
