//! What the terminal shows while a pipeline runs: a bar for finite sources, a status line
//! otherwise, and plain lines where there is no terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use worker::local::LocalStatus;
use worker::metrics::Metrics;

/// A terminal is drawn anew this often.
pub(crate) const DRAW_EVERY: Duration = Duration::from_millis(200);
/// Where there is no terminal, a line is written this often at most.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The last line of the terminal, or plain lines.
#[derive(Clone)]
pub(crate) struct Screen {
    bar: ProgressBar,
    plain: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let plain = !io::stderr().is_terminal();
        let bar = if plain { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        Self { bar, plain }
    }

    /// A line that stays.
    #[expect(clippy::print_stderr, reason = "this is where the run speaks to a person")]
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Draws how the run is doing, until the future that it is raced against ends.
    pub(crate) async fn keep_drawn(
        &self,
        status: impl Fn() -> LocalStatus,
        metrics: &Metrics,
        now: fn() -> Instant,
    ) {
        let mut every = tokio::time::interval(DRAW_EVERY);
        let mut last = (now(), metrics.folded.get());
        let mut line_at = now();
        let mut said = String::new();
        loop {
            every.tick().await;
            let (at, folded) = (now(), metrics.folded.get());
            let elapsed = at.duration_since(last.0).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a rate that people look at")]
            let rate = (folded - last.1) as f64 / elapsed.max(DRAW_EVERY.as_secs_f64());
            if elapsed >= 1.0 {
                last = (at, folded);
            }
            let status = status();
            let line = line(&status, metrics, rate);
            if self.plain {
                let finished = !status.sources.is_empty()
                    && status.sources.values().all(|source| source.drained);
                if (at.duration_since(line_at) >= LINE_EVERY || finished) && line != said {
                    self.say(&line);
                    said = line;
                    line_at = at;
                }
            } else {
                self.draw(&status, line);
            }
        }
    }

    fn draw(&self, status: &LocalStatus, line: String) {
        let parts: Vec<_> = status.sources.values().filter_map(|source| source.progress).collect();
        let finite = !parts.is_empty() && parts.len() == status.sources.len();
        if finite {
            let (done, total) = parts
                .iter()
                .fold((0, 0), |(done, total), part| (done + part.done, total + part.total));
            self.style("{bar:30} {percent:>3}%  {msg}");
            self.bar.set_length(total);
            self.bar.set_position(done);
        } else {
            self.style("{spinner} {msg}");
        }
        self.bar.set_message(line);
        self.bar.tick();
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// Takes the last line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Lines of the log, which hold the bar back while they are written.
    pub(crate) fn writer(&self) -> ScreenWriter {
        ScreenWriter(self.clone())
    }
}

fn line(status: &LocalStatus, metrics: &Metrics, rate: f64) -> String {
    let watermark = status.watermarks.iter().filter_map(|(_, ns)| *ns).max();
    let until = watermark
        .and_then(|ns| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok())
        .map_or_else(|| "no trades so far".to_owned(), |time| format!("trades to {time:.0}"));
    format!(
        "{} records ({rate:.0}/s), {} candles, {until}",
        metrics.folded.get(),
        metrics.candles.get()
    )
}

/// Writes lines above the bar.
pub(crate) struct ScreenWriter(Screen);

impl Write for ScreenWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bar.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
