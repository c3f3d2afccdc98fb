//! What runs when no file is named: the majors of live venues, as far as these answer.

use std::time::Duration;

use futures::future::join_all;
use market::pipeline::Pipeline;
use market::rules::{Target, read};
use worker::source::answers;

use crate::commands::screen::Screen;

const MAJORS: &str = include_str!("../../../../examples/majors.yaml");
/// How long venues may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(4);

/// The pipeline of those sources of the example whose venues answer; `None` where none does.
pub(super) async fn answering(screen: &Screen) -> Option<Pipeline> {
    let majors = read(MAJORS, Target::Local).ok()?;
    of_those_that_answer(majors, |line| screen.say(line)).await
}

/// A pipeline without the sources whose venues do not answer, and what is said of each.
async fn of_those_that_answer(mut pipeline: Pipeline, say: impl Fn(&str)) -> Option<Pipeline> {
    let sources = std::mem::take(&mut pipeline.spec.sources);
    let asked = join_all(sources.iter().map(|source| answers(source, ANSWER_WAIT))).await;
    for (source, answer) in sources.into_iter().zip(asked) {
        match answer {
            Ok(()) => {
                say(&format!("{} answers", source.name));
                pipeline.spec.sources.push(source);
            }
            Err(reason) => say(&format!("{} {reason}", source.name)),
        }
    }
    if pipeline.spec.sources.is_empty() {
        say("no venue answers");
        return None;
    }
    Some(pipeline)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use e2e::venue::{FakeVenue, Refusal, Script, Tape, VenueClock, VenueKind, VenueOptions};

    use super::*;

    fn venue(kind: VenueKind, instrument: &str) -> FakeVenue {
        let clock = VenueClock::starting_now(1.0);
        let tape = Tape::generated(1, &[instrument], clock.shown_ns, clock.shown_ns + 1, 1.0);
        let (schedule, seed, key) = (Vec::new(), 1, None);
        FakeVenue::start(VenueOptions { venue: kind, clock, tape, schedule, seed, key })
    }

    fn pipeline(sources: &[(&str, &str, &str)]) -> Pipeline {
        let sources: String = sources
            .iter()
            .map(|(member, url, instrument)| {
                let name = member.to_lowercase();
                format!(
                    "    - name: {name}\n      {member}: {{endpoints: {{rest: \"{url}\"}}, symbols: \
                     [{{symbol: BTC, instrument: {instrument}}}]}}\n"
                )
            })
            .collect();
        let yaml = format!(
            "apiVersion: crypto-pipeline.dev/v1alpha1\nkind: CryptoPipeline\n\
             metadata: {{name: some}}\nspec:\n  sources:\n{sources}"
        );
        Pipeline::from_yaml(&yaml).unwrap()
    }

    async fn answering(sources: &[(&str, &str, &str)]) -> (Option<Vec<String>>, Vec<String>) {
        let said = RefCell::new(Vec::new());
        let say = |line: &str| said.borrow_mut().push(line.to_owned());
        let answered = of_those_that_answer(pipeline(sources), say).await;
        let names = |pipeline: Pipeline| {
            pipeline.spec.sources.iter().map(|source| source.name.to_string()).collect()
        };
        (answered.map(names), said.into_inner())
    }

    #[tokio::test]
    async fn venues_that_answer_are_read_and_the_others_are_left_out_with_a_reason() {
        let binance = venue(VenueKind::Binance, "BTCUSDT");
        let kraken = venue(VenueKind::Kraken, "BTC/USD");
        let coin_gecko = venue(VenueKind::CoinGecko, "bitcoin");
        coin_gecko.play(Script::Refuse(Refusal::Restricted));
        let sources = [
            ("binance", binance.rest_url(), "BTCUSDT"),
            ("coinGecko", coin_gecko.rest_url(), "bitcoin"),
            ("kraken", kraken.rest_url(), "BTC/USD"),
        ];
        let sources = sources.each_ref().map(|(name, url, of)| (*name, url.as_str(), *of));
        let (names, said) = answering(&sources).await;
        assert_eq!(names, Some(vec!["binance".to_owned(), "kraken".to_owned()]));
        let expected =
            ["binance answers", "coingecko does not serve this place (451)", "kraken answers"];
        assert_eq!(said, expected);
    }

    #[tokio::test]
    async fn where_no_venue_answers_there_is_no_pipeline() {
        let gone = venue(VenueKind::Kraken, "BTC/USD").rest_url();
        let (names, said) = answering(&[("kraken", &gone, "BTC/USD")]).await;
        assert_eq!(names, None);
        assert_eq!(said.last().map(String::as_str), Some("no venue answers"));
    }

    #[test]
    fn the_example_of_majors_is_valid_for_a_local_run() {
        let majors = read(MAJORS, Target::Local).unwrap();
        assert_eq!(majors.name, "majors");
        assert!(!majors.spec.is_simulated());
    }
}
