//! Apache Kafka as combined nodes (broker and controller in one), set for quick tests.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

use super::{
    fetch,
    process::{NotReady, Server},
    proxy::Proxy,
};
use crate::wait;

/// One process of a cluster, and its settings.
mod node;
/// The few requests that the harness itself makes.
mod wire;

use node::{Node, Ports};

const CLUSTER_MAX: Duration = Duration::from_secs(30);
const TOPIC_MAX: Duration = Duration::from_secs(30);
const TOPIC_EXISTS: i16 = 36;
/// Those that were slow to say that they live are taken for dead for a moment.
const TOO_FEW_BROKERS: i16 = 38;

/// How many brokers a cluster has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brokers {
    /// One, that holds the only replica.
    #[default]
    One,
    /// Three, each with all partitions; two must have a record before it is acknowledged.
    Three,
}

/// How a cluster can be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// In plain text, by anyone.
    #[default]
    Plain,
    /// And by TLS with SASL/SCRAM-SHA-512, see [`Kafka::secure_bootstrap`].
    TlsAndScram,
}

/// What a private cluster is like.
#[derive(Clone, Debug, Default)]
pub struct KafkaOptions {
    /// One or three.
    pub brokers: Brokers,
    /// Whether there is a listener for those who prove who they are.
    pub security: Security,
    /// More lines of `server.properties`; they win.
    pub properties: Vec<(String, String)>,
}

/// A Kafka cluster.
pub struct Kafka {
    bootstrap: String,
    replicas: u8,
    security: Security,
    nodes: Vec<Node>,
}

impl Kafka {
    /// One that no other test uses.
    ///
    /// # Panics
    /// When it does not start; its log is printed.
    pub fn private(options: &KafkaOptions) -> Self {
        let paths = fetch::paths("kafka", ["kafka", "archive", "java"]);
        super::retried("kafka", || start(options, &paths))
    }

    pub(super) fn given(bootstrap: String) -> Self {
        Self { bootstrap, replicas: 1, security: Security::Plain, nodes: Vec::new() }
    }

    /// `host:port` of each broker, with commas.
    pub fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    /// The proxies' `host:port`, with commas: a client that begins there reaches every broker by
    /// its [`Kafka::proxy`] only.
    ///
    /// # Panics
    /// When it is not ours.
    pub fn proxied_bootstrap(&self) -> String {
        self.node(1);
        join(self.nodes.iter().map(|node| node.proxy.address()))
    }

    /// `host:port`, with commas, for TLS (its certificates are of [`super::certificates`]) with
    /// SASL/SCRAM-SHA-512 as [`super::USER`] and [`super::PASSWORD`].
    ///
    /// # Panics
    /// When it is not ours, or was not started with [`Security::TlsAndScram`].
    pub fn secure_bootstrap(&self) -> String {
        self.node(1);
        assert!(self.security == Security::TlsAndScram, "this Kafka has no secure listener");
        join(self.nodes.iter().map(|node| node.ports.secure.address))
    }

    /// The process of a broker, by its id: 1, 2, 3.
    ///
    /// # Panics
    /// When there is none, or it is not ours.
    pub fn broker(&self, id: usize) -> &Server {
        &self.node(id).server
    }

    /// The network between clients and a broker, by its id, see [`Kafka::proxied_bootstrap`].
    ///
    /// # Panics
    /// When there is none, or it is not ours.
    pub fn proxy(&self, id: usize) -> &Proxy {
        &self.node(id).proxy
    }

    /// Makes a topic with a replica on each broker, and waits until every partition has a leader.
    /// One that exists is left as it is.
    ///
    /// # Panics
    /// When Kafka refuses, saying why, or cannot be reached in plain text.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let replicas = i16::from(self.replicas);
        let (code, said) = self.ask_any("a broker that makes topics", |broker| {
            let answer = wire::create_topic(broker, name, partitions, replicas, configs).ok();
            answer.filter(|(code, _)| *code != TOO_FEW_BROKERS)
        });
        assert!(code == 0 || code == TOPIC_EXISTS, "no topic \"{name}\": error {code} {said}");
        self.ask_any(&format!("leaders of the topic \"{name}\""), |broker| {
            let topics = wire::cluster(broker).ok()?.topics;
            let (_, leaders) = topics.into_iter().find(|topic| topic.0 == name)?;
            leaders.iter().all(|leader| *leader > 0).then_some(())
        });
    }

    /// The names of all topics, without Kafka's own.
    ///
    /// # Panics
    /// When no broker answers in plain text.
    pub fn topics(&self) -> Vec<String> {
        let cluster = self.ask_any("a broker", |broker| wire::cluster(broker).ok());
        let names = cluster.topics.into_iter().map(|topic| topic.0);
        names.filter(|name| !name.starts_with("__")).collect()
    }

    fn ask_any<T>(&self, what: &str, ask: impl Fn(SocketAddr) -> Option<T>) -> T {
        wait::for_some(what, TOPIC_MAX, || {
            self.bootstrap
                .split(',')
                .filter_map(|broker| broker.to_socket_addrs().ok())
                .flatten()
                .find_map(&ask)
        })
    }

    fn node(&self, id: usize) -> &Node {
        assert!(
            !self.nodes.is_empty(),
            "the servers of KAFKA_BOOTSTRAP_SERVERS are not ours; take Kafka::private()"
        );
        let node = id.checked_sub(1).and_then(|index| self.nodes.get(index));
        node.unwrap_or_else(|| panic!("there is no broker {id} of {}", self.nodes.len()))
    }
}

impl Brokers {
    fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Three => 3,
        }
    }
}

impl Drop for Kafka {
    /// All at once: without the others a broker would only try to reach them.
    fn drop(&mut self) {
        self.nodes.iter().for_each(|node| node.server.kill());
    }
}

fn start(options: &KafkaOptions, paths: &[String; 3]) -> Result<Kafka, NotReady> {
    let count = options.brokers.count();
    let ports: Vec<Ports> = (0..count).map(|_| Ports::free()).collect();
    let voters = node::voters(&ports);
    let nodes: Vec<Node> = (1..=count)
        .zip(ports)
        .map(|(id, ports)| Node::started(id, options, ports, &voters, paths))
        .collect();
    nodes.iter().try_for_each(|node| node.server.answers())?;
    let all: Vec<i32> = (1..=i32::from(count)).collect();
    wait::until("brokers that know each other", CLUSTER_MAX, || {
        let knows = |cluster: wire::Cluster| cluster.brokers == all;
        nodes.iter().all(|node| wire::cluster(node.ports.direct.address).is_ok_and(knows))
    });
    let bootstrap = join(nodes.iter().map(|node| node.ports.direct.address));
    Ok(Kafka { bootstrap, replicas: count, security: options.security, nodes })
}

fn join(addresses: impl Iterator<Item = SocketAddr>) -> String {
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(",")
}
