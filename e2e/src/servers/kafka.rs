//! Apache Kafka as combined nodes (broker and controller in one), set for quick tests.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
    time::Duration,
};

use rustix::process::Signal;

use super::{
    fetch,
    guard::Folder,
    port::Port,
    process::{Ending, Launch, NotReady, Server},
    proxy::Proxy,
};
use crate::wait;

/// The few requests that the harness itself makes.
mod wire;

const CLUSTER_MAX: Duration = Duration::from_secs(30);
const TOPIC_MAX: Duration = Duration::from_secs(30);
const TOPIC_EXISTS: i16 = 36;

/// For a machine that runs more than this; without the pages of settings that begin each log.
const JAVA: &str = "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \
    -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn \
    -Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn";

/// Quick joins, elections and failure detection; few internal partitions.
const SETTINGS: &str = "\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=DIRECT
listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=false
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.min.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=8388608
offsets.topic.num.partitions=4
replica.lag.time.max.ms=1500
share.coordinator.state.topic.num.partitions=1
transaction.state.log.num.partitions=4
";

/// How many brokers a cluster has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brokers {
    /// One, that holds the only replica.
    #[default]
    One,
    /// Three, each with all partitions; two must have a record before it is acknowledged.
    Three,
}

/// What a private cluster is like.
#[derive(Clone, Debug, Default)]
pub struct KafkaOptions {
    /// One or three.
    pub brokers: Brokers,
    /// More lines of `server.properties`; they win.
    pub properties: Vec<(String, String)>,
}

/// A Kafka cluster.
pub struct Kafka {
    bootstrap: String,
    replicas: u8,
    nodes: Vec<Node>,
}

struct Node {
    server: Server,
    /// Before the listener that tells clients the proxy's address.
    proxy: Proxy,
    ports: Ports,
    _folder: Folder,
}

struct Ports {
    direct: Port,
    proxied: Port,
    controller: Port,
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
        Self { bootstrap, replicas: 1, nodes: Vec::new() }
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
            wire::create_topic(broker, name, partitions, replicas, configs).ok()
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
    let ports: Vec<Ports> = (0..count)
        .map(|_| Ports { direct: Port::free(), proxied: Port::free(), controller: Port::free() })
        .collect();
    let voters = voters(&ports);
    let mut nodes = Vec::new();
    for (id, ports) in (1..=count).zip(ports) {
        let folder = Folder::new("kafka");
        let proxy = Proxy::to(ports.proxied.address);
        let text = properties(id, options, &ports, &proxy, &voters, &folder.path);
        let file = folder.path.join("server.properties");
        fs::write(&file, text).expect("our own folder can be written");
        format_storage(id, Path::new(&paths[0]), &folder.path.join("data"));
        let server = Server::started(launch(id, count, ports.direct.address, paths, &folder.path));
        nodes.push(Node { server, proxy, ports, _folder: folder });
    }
    nodes.iter().try_for_each(|node| node.server.answers())?;
    let all: Vec<i32> = (1..=i32::from(count)).collect();
    wait::until("brokers that know each other", CLUSTER_MAX, || {
        let knows = |cluster: wire::Cluster| cluster.brokers == all;
        nodes.iter().all(|node| wire::cluster(node.ports.direct.address).is_ok_and(knows))
    });
    let bootstrap = join(nodes.iter().map(|node| node.ports.direct.address));
    Ok(Kafka { bootstrap, replicas: count, nodes })
}

fn launch(
    id: u8,
    count: u8,
    address: SocketAddr,
    [kafka, archive, java]: &[String; 3],
    folder: &Path,
) -> Launch {
    let mut command = vec![java.clone()];
    command.extend(JAVA.split(' ').map(str::to_owned));
    command.push(format!("-XX:SharedArchiveFile={archive}"));
    command.extend(["-cp".to_owned(), format!("{kafka}/libs/*"), "kafka.Kafka".to_owned()]);
    command.push(folder.join("server.properties").display().to_string());
    // A majority elects, so that one of three can come back while another is away.
    let quorum = usize::from(count / 2 + 1);
    Launch {
        name: format!("kafka-{id}"),
        command,
        log: folder.join("log"),
        terminate: Signal::TERM,
        end: Ending::Kill,
        ready: Box::new(move || {
            wire::cluster(address).is_ok_and(|cluster| {
                cluster.brokers.contains(&i32::from(id)) && cluster.brokers.len() >= quorum
            })
        }),
    }
}

fn properties(
    id: u8,
    options: &KafkaOptions,
    ports: &Ports,
    proxy: &Proxy,
    voters: &str,
    folder: &Path,
) -> String {
    let Ports { direct, proxied, controller } = ports;
    let (direct, proxied, controller) = (direct.address, proxied.address, controller.address);
    let (proxy, folder) = (proxy.address(), folder.display());
    let replicas = options.brokers.count();
    let in_sync = replicas / 2 + 1;
    let mut text = format!(
        "{SETTINGS}\
node.id={id}
controller.quorum.voters={voters}
listeners=DIRECT://{direct},PROXIED://{proxied},CONTROLLER://{controller}
advertised.listeners=DIRECT://{direct},PROXIED://{proxy}
log.dirs={folder}/data
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.replication.factor={replicas}
"
    );
    for (name, value) in &options.properties {
        text += &format!("{name}={value}\n");
    }
    text
}

/// What Kafka's own tool writes, which takes a Java of its own half a second.
fn format_storage(id: u8, kafka: &Path, data: &Path) {
    fs::create_dir(data).expect("our own folder can be written");
    let template = kafka.join("formatted/bootstrap.checkpoint");
    fs::copy(&template, data.join("bootstrap.checkpoint"))
        .unwrap_or_else(|error| panic!("cannot copy \"{}\": {error}", template.display()));
    let text = format!(
        "version=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\nnode.id={id}\n\
         directory.id=kafkaDirectoryOfNode{id}A\n"
    );
    fs::write(data.join("meta.properties"), text).expect("our own folder can be written");
}

fn voters(ports: &[Ports]) -> String {
    let voters: Vec<String> =
        (1..).zip(ports).map(|(id, ports)| format!("{id}@{}", ports.controller.address)).collect();
    voters.join(",")
}

fn join(addresses: impl Iterator<Item = SocketAddr>) -> String {
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(",")
}
