use std::path::Path;
use std::sync::LazyLock;

use e2e::servers::{self, Kafka, KafkaOptions, PASSWORD, Security, USER};

use crate::work::{Process, Work};

/// One Kafka that asks who we are, for all tests of this file.
fn kafka() -> &'static Kafka {
    static KAFKA: LazyLock<Kafka> = LazyLock::new(|| {
        Kafka::private(&KafkaOptions { security: Security::TlsAndScram, ..KafkaOptions::default() })
    });
    &KAFKA
}

/// The password of the database's user; the server trusts everyone, and nobody may read it.
const DATABASE_PASSWORD: &str = "database-Secret-2";

/// A pipeline with everything encrypted, and its secrets in the environment.
fn work(name: &str, more: &str) -> Work {
    let brokers = kafka().secure_bootstrap();
    let more = format!(
        "    bootstrapServers: \"{brokers}\"\n    \
         tls: {{caSecretRef: {{name: kafka-ca, key: ca.crt}}}}\n    \
         sasl: {{mechanism: SCRAM-SHA-512, secretRef: {{name: kafka-user}}}}\n{more}"
    );
    let mut work = Work::new(name, kafka(), &more);
    let authority = servers::certificates().authority.display().to_string();
    work.set("KAFKA_CA_FILE", &authority);
    work.set("KAFKA_SASL_USERNAME", USER);
    work.set("KAFKA_SASL_PASSWORD", PASSWORD);
    let user = format!("postgres:{DATABASE_PASSWORD}");
    work.set("DATABASE_URL", work.database_url(&user) + "?sslmode=verify-full");
    work.set("DATABASE_CA_FILE", &authority);
    work.set("REDIS_URL", servers::redis().tls_url());
    work.set("REDIS_CA_FILE", &authority);
    work
}

/// A file of certificates that signed none of the servers' ones.
fn other_authority(directory: &Path) -> String {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                 -subj /CN=other -keyout other.key -out other.pem";
    let made = std::process::Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(made.status.success());
    directory.join("other.pem").display().to_string()
}

/// No secret of this test is in a text.
fn assert_kept(said: &str) {
    for secret in [PASSWORD, DATABASE_PASSWORD] {
        assert!(!said.contains(secret), "{secret} is in: {said}");
    }
}

#[test]
fn with_tls_and_scram_everywhere_all_is_folded_and_no_log_holds_a_secret() {
    let mut work = work("secure", "");
    work.set("RUST_LOG", "trace");
    let mut logs = Vec::new();
    for format in ["text", "json"] {
        work.set("LOG_FORMAT", format);
        let (code, said) = work.run(&["migrate"]);
        assert_eq!(code, Some(0), "{said}");
        logs.push(said);
        let (code, said) = work.run(&["produce", "--until-end"]);
        assert_eq!(code, Some(0), "{said}");
        logs.push(said);
        let aggregator = work.spawn(&["aggregate"], "aggregator");
        work.check(&[&aggregator]);
        let published = "SELECT count(*) = 0 FROM partition WHERE published_seq < commit_seq";
        work.until(published, &[&aggregator]);
        logs.push(aggregator.stop());
    }
    assert!(logs.iter().all(|log| log.len() > 100), "nothing was logged");
    assert!(logs[3].starts_with('{') && logs[2].contains("publishing to Redis"), "{}", logs[2]);
    logs.iter().for_each(|log| assert_kept(log));
}

#[test]
fn two_aggregators_share_the_partitions_by_the_brokers_assignment() {
    let work = work("consumer", "    groupProtocol: consumer\n");
    work.done(&["migrate"]);
    let aggregators: [Process; 2] =
        ["one", "two"].map(|name| work.spawn(&["aggregate", "--name", name], name));
    // Each is given some, and none all.
    let shared = "SELECT count(*) = 4 AND count(DISTINCT owner) = 2 FROM partition";
    work.until(shared, &aggregators.each_ref());
    work.done(&["produce", "--until-end"]);
    work.check(&aggregators.each_ref());
    aggregators.into_iter().for_each(|aggregator| drop(aggregator.stop()));
}

#[test]
fn wrong_authorities_and_passwords_are_one_sentence_without_the_secret() {
    let directory = tempfile::tempdir().unwrap();
    let other = other_authority(directory.path());
    let redis = servers::redis().tls_url();
    let mut work = work("wrong", "");
    work.done(&["migrate"]);
    for (command, variable, value, sentence) in [
        ("migrate", "KAFKA_CA_FILE", other.clone(), "no encrypted connection to"),
        ("migrate", "KAFKA_SASL_PASSWORD", "wrong-Secret".into(), "refused who we are"),
        ("produce", "KAFKA_SASL_PASSWORD", "wrong-Secret".into(), "refused who we are"),
        ("aggregate", "KAFKA_SASL_PASSWORD", "wrong-Secret".into(), "refused who we are"),
        ("migrate", "DATABASE_CA_FILE", other.clone(), "check the URL and DATABASE_CA_FILE"),
        ("aggregate", "DATABASE_CA_FILE", other.clone(), "check the URL and DATABASE_CA_FILE"),
        ("aggregate", "REDIS_CA_FILE", other.clone(), "check REDIS_URL and REDIS_CA_FILE"),
        (
            "aggregate",
            "REDIS_URL",
            redis.replace(PASSWORD, "wrong-Secret"),
            "check REDIS_URL and REDIS_CA_FILE",
        ),
        ("migrate", "KAFKA_CA_FILE", "/nowhere.pem".into(), "cannot read KAFKA_CA_FILE"),
        ("aggregate", "REDIS_CA_FILE", "/nowhere.pem".into(), "\"/nowhere.pem\" cannot be read"),
        ("migrate", "DATABASE_CA_FILE", "/nowhere.pem".into(), "DATABASE_CA_FILE"),
    ] {
        let right = work.environment.clone();
        work.set(variable, value);
        let (code, said) = work.run(&[command]);
        assert_eq!(code, Some(2), "{command} with {variable}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: ") && last.contains(sentence), "{sentence} in {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
        assert_kept(&said);
        assert!(!said.contains("wrong-Secret"), "{said}");
        work.environment = right;
    }
}
