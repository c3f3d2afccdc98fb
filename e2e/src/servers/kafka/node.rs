//! A broker that is its own controller: its folder, its settings, its command line.

use std::{fs, path::Path, process::Command};

use rustix::process::Signal;

use super::{
    super::{
        PASSWORD, USER, certificates,
        guard::Folder,
        port::Port,
        process::{Ending, Launch, Server},
        proxy::Proxy,
    },
    KafkaOptions, Security, wire,
};

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
listener.security.protocol.map=\
DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
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

/// The listener for those who prove who they are.
const SECURE: &str = "\
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.ssl.keystore.type=PEM
";
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub(super) struct Node {
    pub(super) server: Server,
    /// Before the listener that tells clients the proxy's address.
    pub(super) proxy: Proxy,
    pub(super) ports: Ports,
    _folder: Folder,
}

pub(super) struct Ports {
    pub(super) direct: Port,
    pub(super) secure: Port,
    proxied: Port,
    controller: Port,
}

impl Ports {
    pub(super) fn free() -> Self {
        Self {
            direct: Port::free(),
            secure: Port::free(),
            proxied: Port::free(),
            controller: Port::free(),
        }
    }
}

impl Node {
    /// Starts it and does not wait, for it may need the others.
    pub(super) fn started(
        id: u8,
        options: &KafkaOptions,
        ports: Ports,
        voters: &str,
        paths: &[String; 3],
    ) -> Self {
        let folder = Folder::new("kafka");
        let proxy = Proxy::to(ports.proxied.address);
        let text = properties(id, options, &ports, &proxy, voters, &folder.path);
        let file = folder.path.join("server.properties");
        fs::write(&file, text).expect("our own folder can be written");
        match options.security {
            Security::Plain => copy_formatted(id, paths, &folder.path.join("data")),
            Security::TlsAndScram => format_with_user(paths, &file),
        }
        let majority = usize::from(options.brokers.count() / 2 + 1);
        let server = Server::started(launch(id, majority, &ports, paths, &folder.path));
        Self { server, proxy, ports, _folder: folder }
    }
}

/// Ready when a majority sees it, so that one of three comes back while another is away.
fn launch(
    id: u8,
    majority: usize,
    ports: &Ports,
    [kafka, archive, java]: &[String; 3],
    folder: &Path,
) -> Launch {
    let address = ports.direct.address;
    let mut command = vec![java.clone()];
    command.extend(JAVA.split_whitespace().map(str::to_owned));
    command.push(format!("-XX:SharedArchiveFile={archive}"));
    command.extend(["-cp".to_owned(), format!("{kafka}/libs/*"), "kafka.Kafka".to_owned()]);
    command.push(folder.join("server.properties").display().to_string());
    Launch {
        name: format!("kafka-{id}"),
        command,
        log: folder.join("log"),
        terminate: Signal::TERM,
        end: Ending::Kill,
        ready: Box::new(move || {
            wire::cluster(address).is_ok_and(|cluster| {
                cluster.brokers.contains(&i32::from(id)) && cluster.brokers.len() >= majority
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
    let (direct, proxied) = (ports.direct.address, ports.proxied.address);
    let (secure, controller) = (ports.secure.address, ports.controller.address);
    let (proxy, folder) = (proxy.address(), folder.display());
    let replicas = options.brokers.count();
    let in_sync = replicas / 2 + 1;
    let (more, settings) = match options.security {
        Security::Plain => (String::new(), String::new()),
        Security::TlsAndScram => {
            let key = certificates().key_and_certificate.display();
            let location = format!("listener.name.secure.ssl.keystore.location={key}\n");
            (format!(",SECURE://{secure}"), SECURE.to_owned() + &location)
        }
    };
    let mut text = format!(
        "{SETTINGS}{settings}\
node.id={id}
controller.quorum.voters={voters}
listeners=DIRECT://{direct},PROXIED://{proxied},CONTROLLER://{controller}{more}
advertised.listeners=DIRECT://{direct},PROXIED://{proxy}{more}
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
fn copy_formatted(id: u8, [kafka, ..]: &[String; 3], data: &Path) {
    fs::create_dir(data).expect("our own folder can be written");
    let template = Path::new(kafka).join("formatted/bootstrap.checkpoint");
    fs::copy(&template, data.join("bootstrap.checkpoint"))
        .unwrap_or_else(|error| panic!("cannot copy \"{}\": {error}", template.display()));
    let text = format!(
        "version=1\ncluster.id={CLUSTER_ID}\nnode.id={id}\n\
         directory.id=kafkaDirectoryOfNode{id}A\n"
    );
    fs::write(data.join("meta.properties"), text).expect("our own folder can be written");
}

/// Only Kafka's own tool makes a user that is there before the first client.
fn format_with_user([kafka, archive, java]: &[String; 3], properties: &Path) {
    let output = Command::new(java)
        .args([format!("-XX:SharedArchiveFile={archive}"), "-XX:TieredStopAtLevel=1".to_owned()])
        .args(["-cp", &format!("{kafka}/libs/*"), "kafka.tools.StorageTool", "format"])
        .args(["-t", CLUSTER_ID, "--add-scram"])
        .arg(format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]"))
        .arg("-c")
        .arg(properties)
        .output()
        .unwrap_or_else(|error| panic!("cannot run \"{java}\": {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kafka's storage cannot be formatted: {}", said.trim());
}

pub(super) fn voters(ports: &[Ports]) -> String {
    let voters: Vec<String> =
        (1..).zip(ports).map(|(id, ports)| format!("{id}@{}", ports.controller.address)).collect();
    voters.join(",")
}
