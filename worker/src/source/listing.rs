//! Instruments to listings: currencies, venue, id space.

use market::symbol::{Series, SourceName, Symbol};
use market::tick::{Ids, UsdBasis};

use super::{Listing, SourceError};

/// Aggregate ids.
pub const SPACE_AGGREGATES: &str = "a";
/// Trade ids.
pub const SPACE_TRADES: &str = "t";
/// Times of quotes, in seconds since the epoch.
pub const SPACE_QUOTES: &str = "q";

/// Quote currencies that end an instrument without a separator, longest first.
const QUOTES: [&str; 24] = [
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "USDE", "BIDR", "PAX", "DAI", "USD", "EUR",
    "GBP", "TRY", "BRL", "JPY", "AUD", "CAD", "CHF", "PLN", "BTC", "XBT", "ETH", "BNB",
];
/// Quote currencies of which one counts as one dollar unless the spec says otherwise.
const NEAR_USD: [&str; 3] = ["USD", "USDT", "USDC"];

/// One symbol of a source, as the spec names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// What the user calls it.
    pub symbol: Symbol,
    /// What the venue calls it: `BTCUSDT`, `BTC-USD`, `BTC/USD`.
    pub instrument: String,
    /// The coin id that the spec names, if any.
    pub coin_id: Option<String>,
    /// Whether the quote currency counts as US dollars; by default USD, USDT and USDC do.
    pub usd_basis: Option<UsdBasis>,
}

impl Instrument {
    /// The listing of this instrument at a venue that numbers its trades without holes.
    ///
    /// # Errors
    /// [`SourceError::SplitInstrument`] when base and quote currency cannot be told.
    pub fn listing(
        &self,
        source: &SourceName,
        venue: &str,
        space: &str,
    ) -> Result<Listing, SourceError> {
        let (base, quote) = split(&self.instrument)?;
        let near_usd = NEAR_USD.contains(&quote.as_str());
        let default = if near_usd { UsdBasis::Par } else { UsdBasis::None };
        Ok(Listing {
            series: Series { symbol: self.symbol.clone(), source: source.clone() },
            coin_id: self.coin_id.clone(),
            venue: venue.to_owned(),
            instrument: self.instrument.clone(),
            space: space.to_owned(),
            ids: Ids::Dense,
            base,
            quote,
            usd_basis: self.usd_basis.unwrap_or(default),
        })
    }
}

/// Base and quote currency, by a separator or by a known quote currency at the end.
///
/// # Errors
/// [`SourceError::SplitInstrument`] when neither is there.
pub fn split(instrument: &str) -> Result<(String, String), SourceError> {
    // A dated future carries its day of delivery: BTCUSDT_240927.
    let pair = instrument.split('_').next().unwrap_or(instrument);
    let found = pair
        .split_once(['-', '/'])
        .or_else(|| QUOTES.iter().find_map(|quote| Some((pair.strip_suffix(quote)?, *quote))));
    match found {
        Some((base, quote)) if !base.is_empty() && !quote.is_empty() => {
            Ok((currency(base), currency(quote)))
        }
        _ => Err(SourceError::SplitInstrument {
            instrument: instrument.to_owned(),
            example: "BTCUSDT, BTC-USD or BTC/USD",
        }),
    }
}

/// The common name of a currency: Kraken's XBT is BTC, its XDG is DOGE.
fn currency(name: &str) -> String {
    match name {
        "XBT" => "BTC".to_owned(),
        "XDG" => "DOGE".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instrument_splits_into_base_and_quote() {
        for (instrument, base, quote) in [
            ("BTCUSDT", "BTC", "USDT"),
            ("BTCFDUSD", "BTC", "FDUSD"),
            ("ETHBTC", "ETH", "BTC"),
            ("BTC-USD", "BTC", "USD"),
            ("XBT/USD", "BTC", "USD"),
            ("XBTUSDT", "BTC", "USDT"),
            ("BTCUSDT_240927", "BTC", "USDT"),
        ] {
            let (found_base, found_quote) = split(instrument).unwrap();
            assert_eq!((found_base.as_str(), found_quote.as_str()), (base, quote));
        }
        for instrument in ["", "USDT", "FOOBAR", "-USD"] {
            let error = split(instrument).unwrap_err().to_string();
            assert!(error.contains("base and quote"), "{error}");
        }
    }

    #[test]
    fn dollars_and_the_two_large_stablecoins_are_at_par_unless_the_spec_says_otherwise() {
        let source = SourceName::new("s").unwrap();
        let listing = |instrument: &str, usd_basis| {
            let symbol = Symbol::new("BTC").unwrap();
            let instrument =
                Instrument { symbol, instrument: instrument.into(), coin_id: None, usd_basis };
            instrument.listing(&source, "binance", SPACE_TRADES).unwrap().usd_basis
        };
        assert_eq!(listing("BTCUSDT", None), UsdBasis::Par);
        assert_eq!(listing("BTC-USD", None), UsdBasis::Par);
        assert_eq!(listing("BTCEUR", None), UsdBasis::None);
        assert_eq!(listing("BTCUSDT", Some(UsdBasis::None)), UsdBasis::None);
    }
}
