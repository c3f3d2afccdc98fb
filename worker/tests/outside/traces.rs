//! Traces from a sampled tick to its commit to its publication, as a collector gets them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::place::Place;

/// A collector: OTLP over HTTP, as protobuf.
struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let taken = Arc::clone(&spans);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || take(stream.unwrap(), &taken));
            }
        });
        Self { address, spans }
    }

    /// The names of the spans of each trace, sorted.
    fn traces(&self) -> BTreeMap<Vec<u8>, Vec<String>> {
        let mut traces = BTreeMap::<Vec<u8>, Vec<String>>::new();
        for span in self.spans.lock().unwrap().iter() {
            traces.entry(span.trace_id.clone()).or_default().push(span.name.clone());
        }
        traces.values_mut().for_each(|names| names.sort_unstable());
        traces
    }
}

/// Takes every request of a connection.
fn take(stream: TcpStream, taken: &Mutex<Vec<Span>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if length == 0 || reader.read_exact(&mut body).is_err() {
            return;
        }
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
        taken.lock().unwrap().extend(scopes.flat_map(|of| of.spans));
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

fn spec(collector: SocketAddr) -> String {
    format!(
        "  sources:\n  - name: demo\n    simulated: {{seed: 7, ticksPerSecond: 200, prefill: 1s, \
         symbols: [{{symbol: BTC, instrument: BTCUSDT}}]}}\n  kafka: {{bootstrapServers: \
         \"unused:1\", topic: {{partitions: 1, replicationFactor: 1, minInSyncReplicas: 1}}}}\n  \
         observability: {{otlp: {{endpoint: \"http://{collector}\", sampleRatio: 0.05}}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_has_a_sampled_tick_its_fold_its_commit_and_its_publication() {
    let collector = Collector::start();
    let place = Place::new("traces", &spec(collector.address));
    let aggregator = place.start("aggregate", &[]);
    let producer = place.start("produce", &[]);
    aggregator.until("a whole trace", |_| {
        collector.traces().values().any(|names| *names == ["commit", "fold", "produce", "publish"])
    });
    assert!(aggregator.metric("spans{outcome=\"exported\"}") > 0.0);
    assert_eq!(aggregator.metric("spans{outcome=\"dropped\"}"), 0.0);
    // The share was asked for, not every tick.
    let traced = u32::try_from(collector.traces().len()).unwrap();
    let sent = producer.metric("records_sent_total{kind=\"tick\",source=\"demo\"}");
    assert!(f64::from(traced) < sent / 5.0, "{traced} of {sent}");
    producer.stop();
    aggregator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_costs_counted_spans_and_nothing_else() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new("dead", &spec(dead));
    let aggregator = place.start("aggregate", &[]);
    let producer = place.start("produce", &[]);
    aggregator.until("dropped spans", |worker| {
        worker.metric("spans{outcome=\"dropped\"}") > 10.0
            && worker.metric("records_folded_total") > 1_000.0
    });
    assert_eq!(aggregator.metric("spans{outcome=\"exported\"}"), 0.0);
    producer.stop();
    aggregator.stop();
}
