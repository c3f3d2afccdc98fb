//! Which records are traced: a share of them, by chance.

use market::pipeline::Otlp;
use runtime::traces::TARGET;
use tracing::Span;

use crate::source::{Emission, Event, Listing};

/// Takes a share of the trades.
#[derive(Debug, Clone)]
pub(crate) struct Sampler {
    /// A trade is taken when the dice show less.
    below: u64,
    dice: u64,
}

impl Sampler {
    /// As the spec says; `None` where nothing is traced. A seed of its own gives each producer
    /// trades of its own.
    pub(crate) fn of(otlp: &Otlp, seed: u64) -> Option<Self> {
        otlp.endpoint.as_ref()?;
        let ratio = otlp.sample_ratio();
        // A float holds 53 bits of a share.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 2^53"
        )]
        let below = (ratio.clamp(0.0, 1.0) * SHARES) as u64;
        (below > 0).then_some(Self { below, dice: seed | 1 })
    }

    /// A span of its own for a trade that is taken.
    pub(crate) fn span(&mut self, listing: &Listing, emission: &Emission) -> Option<Span> {
        let Event::Trade(trade) = &emission.event else { return None };
        if !self.takes() {
            return None;
        }
        let series = &listing.series;
        Some(tracing::info_span!(
            target: TARGET,
            parent: None,
            "produce",
            otel.kind = "producer",
            symbol = series.symbol.as_str(),
            source = series.source.as_str(),
            trade_id = trade.trade_id,
        ))
    }

    /// One throw of a xorshift generator.
    fn takes(&mut self) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice >> 11 < self.below
    }
}

/// How many shares a whole has.
const SHARES: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(endpoint: Option<&str>, sample_ratio: Option<f64>) -> Option<Sampler> {
        let endpoint = endpoint.map(ToOwned::to_owned);
        Sampler::of(&Otlp { endpoint, sample_ratio }, 1_723_161_255_100)
    }

    #[test]
    fn nothing_is_taken_without_a_collector_or_a_share() {
        assert!(sampler(None, Some(1.0)).is_none());
        assert!(sampler(Some("http://otel:4318"), None).is_none());
        assert!(sampler(Some("http://otel:4318"), Some(0.0)).is_none());
    }

    #[test]
    fn the_share_that_is_taken_is_the_one_that_was_asked_for() {
        for (ratio, least, most) in [(1.0, 100_000, 100_000), (0.01, 900, 1_100)] {
            let mut sampler = sampler(Some("http://otel:4318"), Some(ratio)).unwrap();
            let taken = (0..100_000).filter(|_| sampler.takes()).count();
            assert!((least..=most).contains(&taken), "{taken} of {ratio}");
        }
    }
}
