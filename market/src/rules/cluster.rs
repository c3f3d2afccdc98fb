use crate::pipeline::{Kafka, Mechanism, PipelineSpec, Postgres, Problem, has_password};

use super::Target;

pub(super) fn check(spec: &PipelineSpec, target: Target, problems: &mut Vec<Problem>) {
    if target == Target::Cluster {
        required(spec, problems);
    }
    if let Some(kafka) = &spec.kafka {
        check_kafka(kafka, problems);
    }
    if let Some(postgres) = &spec.postgres {
        check_postgres(postgres, problems);
    }
    if spec.api.ingress.is_some() && spec.api.http_route.is_some() {
        problems.push(Problem::new("spec.api", "write at most one of ingress httpRoute"));
    }
    let scaling = &spec.aggregator.scaling;
    let partitions = spec.kafka.clone().unwrap_or_default().topic.partitions();
    let (min, max) = (scaling.min(), scaling.max(partitions));
    if min > max {
        problems.push(Problem::new(
            "spec.aggregator.scaling",
            format!("min {min} is more than max {max}; write a min of at most {max}"),
        ));
    }
}

fn required(spec: &PipelineSpec, problems: &mut Vec<Problem>) {
    let sections = [
        ("kafka", spec.kafka.is_some(), "strimzi {name, listener}, or bootstrapServers"),
        ("postgres", spec.postgres.is_some(), "secretRef {name, key}"),
        ("redis", spec.redis.is_some(), "secretRef {name, key}"),
    ];
    for (section, _, write) in sections.into_iter().filter(|(_, there, _)| !there) {
        problems.push(Problem::new(
            format!("spec.{section}"),
            format!("required on a cluster: write {write}"),
        ));
    }
}

fn check_kafka(kafka: &Kafka, problems: &mut Vec<Problem>) {
    if kafka.strimzi.is_some() == kafka.bootstrap_servers.is_some() {
        problems.push(Problem::new("spec.kafka", "write exactly one of strimzi bootstrapServers"));
    }
    let servers = kafka.bootstrap_servers.iter().filter(|servers| !has_password(servers));
    let servers = servers.flat_map(|servers| servers.split(','));
    if let Some(server) = servers.map(str::trim).find(|server| !is_host_and_port(server)) {
        problems.push(Problem::new(
            "spec.kafka.bootstrapServers",
            format!("\"{server}\" is not a server; write host:port, several separated by commas"),
        ));
    }
    let topic = &kafka.topic;
    let (replicas, in_sync) = (topic.replication_factor(), topic.min_in_sync_replicas());
    if in_sync > replicas {
        problems.push(Problem::new(
            "spec.kafka.topic.minInSyncReplicas",
            format!("{in_sync} is more than replicationFactor {replicas}; use at most {replicas}"),
        ));
    }
    if matches!(topic.name.as_deref(), Some("." | "..")) {
        problems.push(Problem::new("spec.kafka.topic.name", "\".\" and \"..\" are no topics"));
    }
    let plain = kafka.sasl.as_ref().is_some_and(|sasl| sasl.mechanism == Mechanism::Plain);
    if plain && kafka.tls.is_none() && kafka.bootstrap_servers.is_some() {
        problems.push(Problem::new(
            "spec.kafka.sasl.mechanism",
            "PLAIN without tls sends the password readable; write tls: {caSecretRef: …}, or use \
             SCRAM-SHA-512",
        ));
    }
}

fn is_host_and_port(server: &str) -> bool {
    server.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(['/', '@', ' '])
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn check_postgres(postgres: &Postgres, problems: &mut Vec<Problem>) {
    let roles =
        [&postgres.owner_secret_ref, &postgres.writer_secret_ref, &postgres.reader_secret_ref];
    let count = roles.iter().filter(|role| role.is_some()).count();
    let wanted = if postgres.secret_ref.is_some() { 0 } else { roles.len() };
    if count != wanted {
        problems.push(Problem::new(
            "spec.postgres",
            "write either secretRef, or all of ownerSecretRef writerSecretRef readerSecretRef",
        ));
    }
}
