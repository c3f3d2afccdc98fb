//! Logs: text or JSON, level from `RUST_LOG`, to a writer of the caller's choice.
//!
//! The writer is an argument so that a terminal that draws a progress bar can hold it back
//! while a line is written.

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::traces::Traces;

/// Which levels are logged: `info`, `warn,api=debug` and so on.
pub const FILTER_ENV: &str = "RUST_LOG";

/// What keeps the spans of traces out of the logs.
const UNTRACED: &str = "traces=off";

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("RUST_LOG \"{text}\" is not a log filter; use one such as info or warn,api=debug")]
    ParseFilter {
        /// What was given.
        text: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
}

/// Starts logging with `RUST_LOG`, or `default_filter` where that is not set, to `writer`, and
/// hands spans over to `traces`. A second call changes nothing and returns `false`.
///
/// # Errors
/// [`TelemetryError::ParseFilter`] when the filter cannot be read.
pub fn init<W>(
    format: Format,
    default_filter: &str,
    writer: W,
    traces: Option<&Traces>,
) -> Result<bool, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let text = std::env::var(FILTER_ENV).unwrap_or_else(|_| default_filter.to_owned());
    let subscriber = subscriber(format, &text, writer, traces)?;
    Ok(tracing::subscriber::set_global_default(subscriber).is_ok())
}

fn subscriber<W>(
    format: Format,
    filter: &str,
    writer: W,
    traces: Option<&Traces>,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let refused = |source| TelemetryError::ParseFilter { text: filter.to_owned(), source };
    // Spans are for the collector alone.
    let untraced = UNTRACED.parse().map_err(refused)?;
    let filter = EnvFilter::builder().parse(filter).map_err(refused)?.add_directive(untraced);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let logs = match format {
        Format::Text => lines.with_ansi(false).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    Ok(tracing_subscriber::registry()
        .with(logs.with_filter(filter))
        .with(traces.map(Traces::layer)))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: Format, filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, move || writer.clone(), None).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(partition = 3, "claimed");
            tracing::debug!("detail");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_are_objects_with_their_fields() {
        let line: serde_json::Value = serde_json::from_str(&written(Format::Json, "info")).unwrap();
        assert_eq!(line["message"], "claimed");
        assert_eq!(line["partition"], 3);
    }

    #[test]
    fn text_goes_to_the_given_writer_without_colours() {
        let text = written(Format::Text, "info");
        assert!(text.contains("claimed partition=3"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("detail"), "{text}");
    }

    #[test]
    fn filter_chooses_the_level() {
        assert!(written(Format::Text, "debug").contains("detail"));
        assert_eq!(written(Format::Text, "warn"), "");
    }

    #[test]
    fn second_start_changes_nothing() {
        init(Format::Text, "warn", io::sink, None).unwrap();
        assert!(!init(Format::Json, "info", io::sink, None).unwrap());
    }

    #[test]
    fn bad_filter_is_named() {
        let Err(error) = subscriber(Format::Text, "a=b=c", io::sink, None) else {
            panic!("accepted");
        };
        assert!(error.to_string().contains("\"a=b=c\" is not a log filter"), "{error}");
    }
}
