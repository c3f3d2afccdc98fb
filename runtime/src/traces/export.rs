use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use tokio::runtime::Handle;

/// Spans that wait for the collector; those beyond are dropped.
const SPANS_QUEUED_MAX: usize = 2_048;
/// Spans of one request.
const SPANS_PER_REQUEST_MAX: usize = 512;
/// How often spans are sent.
const EXPORT_EVERY: Duration = Duration::from_secs(1);

/// What became of spans, of this process since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// The collector took them.
    pub exported: u64,
    /// It did not, or there was no room to wait.
    pub dropped: u64,
}

static WAITING: AtomicU64 = AtomicU64::new(0);
static EXPORTED: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// What became of spans so far.
#[must_use]
pub fn counts() -> SpanCounts {
    SpanCounts {
        exported: EXPORTED.load(Ordering::Relaxed),
        dropped: DROPPED.load(Ordering::Relaxed),
    }
}

/// A bounded queue before an exporter, on a thread of its own.
pub(super) fn counting(exporter: impl SpanExporter + 'static) -> impl SpanProcessor {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(SPANS_QUEUED_MAX)
        .with_max_export_batch_size(SPANS_PER_REQUEST_MAX)
        .with_scheduled_delay(EXPORT_EVERY)
        .build();
    let exporter = CountingExporter(exporter);
    Counting(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
}

#[derive(Debug)]
struct Counting(BatchSpanProcessor);

impl SpanProcessor for Counting {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let most = u64::try_from(SPANS_QUEUED_MAX).unwrap_or(u64::MAX);
        if WAITING.fetch_add(1, Ordering::Relaxed) < most {
            self.0.on_end(span);
        } else {
            WAITING.fetch_sub(1, Ordering::Relaxed);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

#[derive(Debug)]
struct CountingExporter<E>(E);

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let exported = self.0.export(batch).await;
        WAITING.fetch_sub(spans, Ordering::Relaxed);
        let counter = if exported.is_ok() { &EXPORTED } else { &DROPPED };
        counter.fetch_add(spans, Ordering::Relaxed);
        if let Err(error) = &exported {
            tracing::debug!(error = %error, spans, "the collector did not take spans");
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Sends on the process' runtime what the exporter's thread, which has none, asks for.
pub(super) struct Client {
    client: HyperClient,
    handle: Handle,
}

impl Client {
    pub(super) fn new(timeout: Duration, handle: Handle) -> Self {
        Self { client: HyperClient::with_default_connector(timeout, None), handle }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

impl HttpClient for Client {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let client = self.client.clone();
        let sent = self.handle.spawn(async move { client.send_bytes(request).await });
        Box::pin(async move { sent.await? })
    }
}
