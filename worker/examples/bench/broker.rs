use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Read, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use worker::topic::{ConsumerSettings, Fetched, LocalBroker, Pacer, Producer};

use crate::tape::{Kind, Tape};

pub(crate) const PARTITIONS: i32 = 12;
const TOPIC: &str = "bench-prices";
/// A report of the consumer: partition and bytes that it read, 32 bits each.
const REPORT_BYTES: usize = 8;
/// The consumer reports when it has read so much, far less than what may be in flight.
const REPORT_EVERY_BYTES: usize = 256 * 1024;

/// Sends so many ticks through a broker of its own, paced by the consumer's reports on stdin, and
/// says on stdout where the broker is and, at the end, how many ticks and marks were sent.
pub(crate) fn serve(ticks: u64) -> Result<(), Box<dyn Error>> {
    let broker = LocalBroker::start(TOPIC, PARTITIONS)?;
    println!("{}", broker.producer_settings().brokers);
    let pacer = Arc::new(broker.pacer());
    let of_reports = Arc::clone(&pacer);
    let reports = std::thread::spawn(move || take_reports(&of_reports));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (sent, marks) = runtime.block_on(send(&broker, ticks, pacer))?;
    println!("{sent} {marks}");
    stdout().flush()?;
    reports.join().map_err(|_| "the thread of reports ended in a panic".into())
}

async fn send(
    broker: &LocalBroker,
    ticks: u64,
    pacer: Arc<Pacer>,
) -> Result<(u64, u64), Box<dyn Error>> {
    let mut producer = Producer::open(&broker.producer_settings(), Some(pacer))?;
    let mut tape = Tape::new();
    let (mut sent, mut marks) = (0, 0);
    let mut record = Vec::new();
    while sent < ticks {
        record.clear();
        let next = tape.next(&mut record)?;
        producer.send(next.key.as_bytes(), &record).await?;
        match next.kind {
            Kind::Tick => sent += 1,
            Kind::Mark => marks += 1,
        }
    }
    producer.flush().await?;
    Ok((sent, marks))
}

/// Makes room as the consumer reads, until it closes the pipe.
fn take_reports(pacer: &Pacer) {
    let mut report = [0; REPORT_BYTES];
    while stdin().read_exact(&mut report).is_ok() {
        let report = u64::from_le_bytes(report);
        let partition = i32::try_from(report >> 32).unwrap_or(i32::MAX);
        let bytes = usize::try_from(report & u64::from(u32::MAX)).unwrap_or(usize::MAX);
        pacer.release(partition, bytes);
    }
}

/// The other process, as the consumer sees it.
pub(crate) struct Remote {
    child: Child,
    /// Closed to end it.
    reports: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    brokers: String,
    read_bytes: [usize; PARTITIONS as usize],
    unreported_bytes: usize,
}

impl Remote {
    pub(crate) fn start(ticks: u64) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["broker", &ticks.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let reports = child.stdin.take();
        let output = child.stdout.take().ok_or("the broker's process has no output")?;
        let mut answers = BufReader::new(output).lines();
        let brokers = answers.next().ok_or("the broker did not start")??;
        let read_bytes = [0; PARTITIONS as usize];
        Ok(Self { child, reports, answers, brokers, read_bytes, unreported_bytes: 0 })
    }

    pub(crate) fn consumer_settings(&self) -> ConsumerSettings {
        ConsumerSettings {
            brokers: self.brokers.clone(),
            topic: TOPIC.into(),
            group: TOPIC.into(),
            // As a local run has it: the mock broker does not wake a waiting fetch.
            extra: vec![("fetch.wait.max.ms".into(), "5".into())],
        }
    }

    pub(crate) fn count(&mut self, record: &Fetched<'_>) {
        let bytes = Pacer::record_bytes(record.key, record.value);
        let partition = usize::try_from(record.partition).unwrap_or(usize::MAX);
        if let Some(read_bytes) = self.read_bytes.get_mut(partition) {
            *read_bytes += bytes;
            self.unreported_bytes += bytes;
        }
    }

    /// Tells the producer what was read, if it is much, or if the consumer waits.
    pub(crate) fn report(&mut self, waits: bool) -> Result<(), Box<dyn Error>> {
        if self.unreported_bytes == 0 || (!waits && self.unreported_bytes < REPORT_EVERY_BYTES) {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(REPORT_BYTES * self.read_bytes.len());
        for (partition, bytes) in (0_u64..).zip(&mut self.read_bytes) {
            let bytes = std::mem::take(bytes);
            if bytes > 0 {
                frame.extend_from_slice(&(partition << 32 | u64::try_from(bytes)?).to_le_bytes());
            }
        }
        self.unreported_bytes = 0;
        let reports = self.reports.as_mut().ok_or("the broker's process has no input")?;
        Ok(reports.write_all(&frame)?)
    }

    /// How many ticks and marks were sent. Ends the process.
    pub(crate) fn finish(mut self) -> Result<(u64, u64), Box<dyn Error>> {
        drop(self.reports.take());
        let sent = self.answers.next().ok_or("the producer ended early")??;
        self.child.wait()?;
        let (ticks, marks) = sent.split_once(' ').ok_or("the producer did not say what it sent")?;
        Ok((ticks.parse()?, marks.parse()?))
    }
}

impl Drop for Remote {
    /// Of a run that failed: nothing is left behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
