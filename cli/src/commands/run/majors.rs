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
    let mut majors = read(MAJORS, Target::Local).ok()?;
    let sources = std::mem::take(&mut majors.spec.sources);
    let asked = join_all(sources.iter().map(|source| answers(source, ANSWER_WAIT))).await;
    for (source, answer) in sources.into_iter().zip(asked) {
        match answer {
            Ok(()) => {
                screen.say(&format!("{} answers", source.name));
                majors.spec.sources.push(source);
            }
            Err(reason) => screen.say(&format!("{} {reason}", source.name)),
        }
    }
    if majors.spec.sources.is_empty() {
        screen.say("no venue answers");
        return None;
    }
    Some(majors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_majors_is_valid_for_a_local_run() {
        let majors = read(MAJORS, Target::Local).unwrap();
        assert_eq!(majors.name, "majors");
        assert!(!majors.spec.is_simulated());
    }
}
