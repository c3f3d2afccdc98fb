//! Which scripts are played when.

use std::time::Duration;

use super::{VenueKind, dice::below, script::Script};

/// Before the first script.
const FIRST: Duration = Duration::from_secs(10);
/// Between two scripts at least, and how many seconds more at most.
const PAUSE: Duration = Duration::from_secs(15);
const PAUSE_MORE_SECONDS: u64 = 30;

/// Scripts that apply to the venue one after another, at random, with pauses, so that the last one
/// is over after `duration` on the venue's clock. Each number comes once before one comes again.
/// None of them [may be final](Script::may_be_final).
#[must_use]
pub fn schedule_at_random(
    venue: VenueKind,
    seed: u64,
    duration: Duration,
) -> Vec<(Duration, Script)> {
    let mut schedule = Vec::new();
    let mut at = FIRST;
    let mut left = numbers(venue);
    for turn in 0.. {
        let fits = |number: &u8| at + longest(venue, *number) <= duration;
        let fitting: Vec<u8> = left.iter().copied().filter(fits).collect();
        if fitting.is_empty() {
            let again = numbers(venue);
            if again.len() == left.len() || !again.iter().any(fits) {
                break;
            }
            left = again;
            continue;
        }
        let number = pick(&fitting, &[seed, turn, 1]);
        left.retain(|other| *other != number);
        let script = of_number(venue, number, seed.wrapping_add(turn));
        schedule.push((at, script));
        let more = Duration::from_secs(below(PAUSE_MORE_SECONDS, &[seed, turn, 2]));
        at += script.lasts() + PAUSE + more;
    }
    schedule
}

fn candidates(venue: VenueKind) -> impl Iterator<Item = Script> {
    Script::every().filter(move |script| script.applies_to(venue) && !script.may_be_final())
}

fn numbers(venue: VenueKind) -> Vec<u8> {
    let mut numbers: Vec<u8> = candidates(venue).map(Script::number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn longest(venue: VenueKind, number: u8) -> Duration {
    let ways = candidates(venue).filter(|script| script.number() == number);
    ways.map(Script::lasts).max().unwrap_or_default()
}

fn of_number(venue: VenueKind, number: u8, roll: u64) -> Script {
    let ways: Vec<Script> = candidates(venue).filter(|script| script.number() == number).collect();
    pick(&ways, &[roll, u64::from(number)])
}

fn pick<T: Copy>(from: &[T], words: &[u64]) -> T {
    let index = below(u64::try_from(from.len()).unwrap_or(0), words);
    from[usize::try_from(index).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [VenueKind; 4] =
        [VenueKind::Binance, VenueKind::Coinbase, VenueKind::Kraken, VenueKind::CoinGecko];

    #[test]
    fn scripts_are_numbered_from_1_to_25() {
        let numbers: Vec<u8> = Script::ALL.map(Script::number).to_vec();
        assert_eq!(numbers, (1..=25).collect::<Vec<u8>>());
        assert!(Script::ALL.iter().all(|script| KINDS.iter().any(|kind| script.applies_to(*kind))));
    }

    #[test]
    fn a_random_schedule_fits_and_repeats_itself_for_the_same_seed() {
        let hour = Duration::from_secs(3_600);
        for kind in KINDS {
            let schedule = schedule_at_random(kind, 5, hour);
            assert_eq!(schedule, schedule_at_random(kind, 5, hour));
            assert_ne!(schedule, schedule_at_random(kind, 6, hour));
            assert!(schedule.len() >= 5, "{kind:?}: {schedule:?}");
            assert!(schedule.iter().all(|(at, script)| *at + script.lasts() <= hour));
            assert!(schedule.windows(2).all(|pair| pair[0].0 + pair[0].1.lasts() < pair[1].0));
            let mut first: Vec<u8> = schedule.iter().take(5).map(|one| one.1.number()).collect();
            first.sort_unstable();
            first.dedup();
            assert_eq!(first.len(), 5);
        }
        assert!(schedule_at_random(VenueKind::Kraken, 5, Duration::from_secs(5)).is_empty());
    }
}
