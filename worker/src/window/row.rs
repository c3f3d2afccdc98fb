//! Windows as candles.

use market::candle::Candle;
use market::decimal::{Decimal, Notional};
use market::symbol::Series;

use super::frame::Window;
use market::symbol::SeriesKind;

use super::series::SeriesWindows;

impl SeriesWindows {
    /// The open window of a frame with the minutes that have not been folded into it, if it has
    /// ticks.
    pub(super) fn open_window(&self, frame: usize) -> Option<Window> {
        let minutes = &self.frames[0].windows;
        if frame == 0 {
            return minutes
                .back()
                .filter(|window| !window.closed() && window.bar.is_some())
                .cloned();
        }
        let newest = minutes.back().filter(|window| !window.closed() && window.bar.is_some());
        let frame = &self.frames[frame];
        let mut window = match (newest, frame.windows.back().filter(|window| !window.closed())) {
            (Some(minute), Some(window)) if minute.open_ms < window.close_ms => window.clone(),
            (Some(minute), _) => {
                let open_ms = frame.interval.open_time_ms(minute.open_ms);
                Window::new(open_ms, frame.interval.close_time_ms(open_ms))
            }
            (None, Some(window)) => window.clone(),
            (None, None) => return None,
        };
        for minute in minutes.iter().filter(|minute| !minute.closed()) {
            if let Some(bar) = &minute.bar
                && (window.open_ms..window.close_ms).contains(&minute.open_ms)
            {
                window.bar = window.with(bar).or(window.bar);
            }
        }
        window.bar.is_some().then_some(window)
    }

    /// A window of this series as a candle.
    pub(super) fn candle(&self, series: &Series, frame: usize, window: &Window) -> Candle {
        let traded = self.kind == SeriesKind::Trade;
        let bar = window.bar.as_ref();
        let shown = window.shown;
        let flat_price = shown.and_then(|shown| shown.flat_price);
        let volume = bar.map_or(Decimal::ZERO, |bar| bar.volume);
        let quote_volume = bar.map_or(Notional::ZERO, |bar| bar.quote_volume);
        let bought = bar.map_or(Decimal::ZERO, |bar| bar.taker_buy_volume);
        let bought_quote = bar.map_or(Notional::ZERO, |bar| bar.taker_buy_quote_volume);
        let count = bar.map_or(0, |bar| bar.count);
        Candle {
            symbol: series.symbol.clone(),
            source: series.source.clone(),
            interval: self.frames[frame].interval,
            open_time_ms: window.open_ms,
            close_time_ms: window.close_ms,
            open: bar.map(|bar| bar.open).or(flat_price),
            high: bar.map(|bar| bar.high).or(flat_price),
            low: bar.map(|bar| bar.low).or(flat_price),
            close: bar.map(|bar| bar.close).or(flat_price),
            volume: traded.then_some(volume),
            quote_volume: traded.then_some(quote_volume),
            taker_buy_volume: traded.then_some(bought),
            taker_buy_quote_volume: traded.then_some(bought_quote),
            vwap: if traded { quote_volume.per_volume(volume) } else { None },
            trade_count: traded.then_some(count),
            first_id: bar.and_then(|bar| bar.ids).map(|(first, _)| first),
            last_id: bar.and_then(|bar| bar.ids).map(|(_, last)| last),
            first_event_ns: bar.map(|bar| bar.first.event_ns),
            last_event_ns: bar.map(|bar| bar.last.event_ns),
            closed: window.closed(),
            complete: shown.is_some_and(|shown| shown.complete),
            revision: window.revision,
            samples: (!traded).then_some(count),
            sma_20: window.indicators.sma_20,
            sma_50: window.indicators.sma_50,
            ema_20: window.indicators.ema_20,
            trend: window.indicators.trend,
        }
    }
}
