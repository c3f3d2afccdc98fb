//! As much of Kafka's protocol as it takes to see a cluster and to make a topic, without a client.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const CONNECT_MAX: Duration = Duration::from_millis(500);
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Larger answers are none of ours.
const ANSWER_BYTES_MAX: usize = 1 << 20;

const METADATA: (i16, i16) = (3, 1);
const CREATE_TOPICS: (i16, i16) = (19, 2);

/// What a broker knows of its cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// The ids of the brokers that live.
    pub(super) brokers: Vec<i32>,
    /// Its topics, with the leaders' ids of their partitions; -1 is none.
    pub(super) topics: Vec<(String, Vec<i32>)>,
}

/// Asks one broker for its cluster.
pub(super) fn cluster(broker: SocketAddr) -> io::Result<Cluster> {
    let mut all_topics = Vec::new();
    put_i32(&mut all_topics, -1);
    let answer = ask(broker, METADATA, &all_topics)?;
    let mut answer = Answer(&answer);
    let mut brokers = answer.each(|broker| {
        let id = broker.i32()?;
        broker.text()?;
        broker.i32()?;
        broker.text()?;
        Ok(id)
    })?;
    brokers.sort_unstable();
    answer.i32()?;
    let topics = answer.each(|topic| {
        topic.i16()?;
        let name = topic.text()?;
        topic.take(1)?;
        let leaders = topic.each(|partition| {
            partition.i16()?;
            partition.i32()?;
            let leader = partition.i32()?;
            partition.each(Answer::i32)?;
            partition.each(Answer::i32)?;
            Ok(leader)
        })?;
        Ok((name, leaders))
    })?;
    Ok(Cluster { brokers, topics })
}

/// Makes a topic; the answer is Kafka's error code (0 is none) and what it says about it.
pub(super) fn create_topic(
    broker: SocketAddr,
    topic: &str,
    partitions: i32,
    replicas: i16,
    configs: &[(&str, &str)],
) -> io::Result<(i16, String)> {
    let mut request = Vec::new();
    put_i32(&mut request, 1);
    put_text(&mut request, topic);
    put_i32(&mut request, partitions);
    request.extend(replicas.to_be_bytes());
    put_i32(&mut request, 0);
    put_i32(&mut request, i32::try_from(configs.len()).map_err(io::Error::other)?);
    for (name, value) in configs {
        put_text(&mut request, name);
        put_text(&mut request, value);
    }
    put_i32(&mut request, i32::try_from(ANSWER_MAX.as_millis()).map_err(io::Error::other)?);
    request.push(0);
    let answer = ask(broker, CREATE_TOPICS, &request)?;
    let mut answer = Answer(&answer);
    answer.i32()?;
    let topics = answer.each(|topic| {
        topic.text()?;
        Ok((topic.i16()?, topic.text()?))
    })?;
    topics.into_iter().next().ok_or_else(|| io::Error::other("the answer names no topic"))
}

/// Sends one request on a connection of its own, and returns the answer after its header.
fn ask(broker: SocketAddr, (key, version): (i16, i16), body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&broker, CONNECT_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let mut request = Vec::new();
    request.extend(key.to_be_bytes());
    request.extend(version.to_be_bytes());
    put_i32(&mut request, 1);
    put_text(&mut request, "e2e");
    request.extend(body);
    let mut frame = Vec::new();
    put_i32(&mut frame, i32::try_from(request.len()).map_err(io::Error::other)?);
    frame.extend(request);
    stream.write_all(&frame)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    if length > ANSWER_BYTES_MAX {
        return Err(io::Error::other("the answer is no Kafka broker's"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Answer(&answer).take(4).map(|_| answer[4..].to_vec())
}

fn put_i32(bytes: &mut Vec<u8>, number: i32) {
    bytes.extend(number.to_be_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let length = i16::try_from(text.len()).expect("names and settings are short");
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// What is left of an answer.
struct Answer<'a>(&'a [u8]);

impl Answer<'_> {
    fn take(&mut self, length: usize) -> io::Result<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(taken)
    }

    fn i16(&mut self) -> io::Result<i16> {
        self.take(2).map(|bytes| i16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn i32(&mut self) -> io::Result<i32> {
        self.take(4).map(|bytes| i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Empty when it is null.
    fn text(&mut self) -> io::Result<String> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        self.take(length).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn each<T>(&mut self, mut read: impl FnMut(&mut Self) -> io::Result<T>) -> io::Result<Vec<T>> {
        (0..self.i32()?).map(|_| read(self)).collect()
    }
}
