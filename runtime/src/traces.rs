//! Traces of the sampled share: exported by OTLP over HTTP, off unless a collector is named.
//!
//! Spans wait in a bounded queue; what a slow or dead collector does not take is dropped and
//! counted, and nobody waits for it. Only spans with [`TARGET`] are exported.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{KeyValue, trace::SpanContext};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Spans to a collector, counted.
mod export;

pub use export::{SpanCounts, counts};

/// The target of spans that are exported, and the one that logs leave out.
pub const TARGET: &str = "traces";
/// The header, of HTTP and of Kafka, that carries a trace on.
pub const TRACEPARENT: &str = "traceparent";
/// How long a collector may take for one request.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last spans may take at the end.
const LAST_SPANS_MAX: Duration = Duration::from_secs(1);
/// Where a collector takes traces, beneath its address.
const PATH: &str = "/v1/traces";

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Not an address of a collector.
    #[error(
        "\"{endpoint}\" is not the address of a collector; write spec.observability.otlp.endpoint \
         as http://host:4318 (OTLP over HTTP, without TLS)"
    )]
    ParseEndpoint {
        /// What was given.
        endpoint: String,
    },
    /// The exporter was not built.
    #[error("cannot export traces")]
    BuildExporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Traces on their way to a collector.
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Exports to the collector at `endpoint`, in the name of a service and its instance.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn start(
        endpoint: &str,
        service: &'static str,
        instance: &str,
        handle: &Handle,
    ) -> Result<Self, TracesError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(export::Client::new(EXPORT_TIMEOUT, handle.clone()))
            .with_endpoint(url(endpoint)?)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(export::counting(exporter))
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("crypto-pipeline");
        Ok(Self { provider, tracer })
    }

    /// What hands spans of [`TARGET`] over.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_level(false)
            .with_target(false)
            .with_filter(Targets::new().with_target(TARGET, tracing::Level::INFO))
    }

    /// Exports the last spans, for a second at most. Blocks.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS_MAX) {
            tracing::warn!(error = %error, "the last spans are not exported");
        }
    }
}

fn url(endpoint: &str) -> Result<String, TracesError> {
    let refused = || TracesError::ParseEndpoint { endpoint: endpoint.to_owned() };
    let rest = endpoint.strip_prefix("http://").ok_or_else(refused)?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() || host.contains('@') {
        return Err(refused());
    }
    let path = if path.is_empty() { PATH.trim_start_matches('/') } else { path };
    Ok(format!("http://{host}/{path}"))
}

/// The trace that a span is in, as a header carries it; `None` where it is not exported.
#[must_use]
pub fn traceparent(span: &Span) -> Option<String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.remove(TRACEPARENT)
}

/// Makes a new span part of the trace that a header names; what is none is ignored.
pub fn go_on(span: &Span, traceparent: &[u8]) {
    let Ok(text) = std::str::from_utf8(traceparent) else { return };
    let headers = HashMap::from([(TRACEPARENT.to_owned(), text.to_owned())]);
    // Refused only where nothing is exported.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&headers));
}

/// Says that a span has to do with another one, of another trace.
pub fn link(span: &Span, other: &Span) {
    let context: SpanContext = other.context().span().span_context().clone();
    if context.is_valid() {
        span.add_link(context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_alone_or_with_a_path() {
        for (endpoint, expected) in [
            ("http://otel:4318", Some("http://otel:4318/v1/traces")),
            ("http://otel:4318/", Some("http://otel:4318/v1/traces")),
            ("http://otel/custom/v1/traces", Some("http://otel/custom/v1/traces")),
            ("otel:4318", None),
            ("https://otel:4318", None),
            ("http://", None),
            ("http://user:secret@otel:4318", None),
        ] {
            assert_eq!(url(endpoint).ok().as_deref(), expected, "{endpoint}");
        }
    }
}
