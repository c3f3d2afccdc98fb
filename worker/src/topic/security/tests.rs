use market::pipeline::{Sasl, SecretKeyRef, SecretNameRef, Tls};

use super::*;

const SECRET: &str = "correct-horse";

fn kafka(tls: bool, mechanism: Option<Mechanism>) -> Kafka {
    let secret_ref = SecretNameRef { name: "kafka".into() };
    Kafka {
        tls: tls.then(Tls::default),
        sasl: mechanism.map(|mechanism| Sasl { mechanism, secret_ref }),
        ..Kafka::default()
    }
}

fn credentials() -> Credentials {
    Credentials {
        username: Some("u".into()),
        password: Some(SECRET.into()),
        ca_file: Some("/dev/null".into()),
    }
}

#[track_caller]
fn check(kafka: &Kafka, expected: &[(&str, &str)]) {
    let found = settings(kafka, &credentials()).unwrap();
    let found: Vec<_> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_spec_becomes_settings() {
    check(&kafka(false, None), &[]);
    let ca = ("ssl.ca.location", "/dev/null");
    check(&kafka(true, None), &[("security.protocol", "ssl"), ca]);
    let who = [("sasl.username", "u"), ("sasl.password", SECRET)];
    let scram = ("sasl.mechanism", "SCRAM-SHA-256");
    let plaintext = ("security.protocol", "sasl_plaintext");
    check(&kafka(false, Some(Mechanism::ScramSha256)), &[plaintext, scram, who[0], who[1]]);
    let (tls, scram) = (("security.protocol", "sasl_ssl"), ("sasl.mechanism", "SCRAM-SHA-512"));
    check(&kafka(true, Some(Mechanism::ScramSha512)), &[tls, scram, who[0], who[1], ca]);
    let plain = ("sasl.mechanism", "PLAIN");
    check(&kafka(true, Some(Mechanism::Plain)), &[tls, plain, who[0], who[1], ca]);
}

#[test]
fn what_is_missing_is_named_and_no_text_holds_the_password() {
    let scram = kafka(true, Some(Mechanism::ScramSha512));
    let mut named_authority = kafka(true, None);
    let key = SecretKeyRef { name: "ca".into(), key: "ca.crt".into() };
    named_authority.tls = Some(Tls { ca_secret_ref: Some(key) });
    let with = |change: fn(&mut Credentials)| {
        let mut credentials = credentials();
        change(&mut credentials);
        credentials
    };
    for (kafka, credentials, named) in [
        (&scram, with(|all| all.username = None), USERNAME_VARIABLE),
        (&scram, with(|all| all.password = Some(String::new())), PASSWORD_VARIABLE),
        (&scram, with(|all| all.password = Some(format!("{SECRET}\0"))), PASSWORD_VARIABLE),
        (&scram, with(|all| all.ca_file = Some("/no/such/file".into())), "/no/such/file"),
        (&named_authority, with(|all| all.ca_file = None), CA_FILE_VARIABLE),
        (&kafka(false, Some(Mechanism::Plain)), credentials(), "spec.kafka.tls"),
    ] {
        let error = settings(kafka, &credentials).unwrap_err();
        let text = format!("{error} {error:?} {credentials:?}");
        assert!(text.contains(named) && !text.contains(SECRET), "{text}");
    }
    let connection = Connection::new("b:1", &scram, &credentials()).unwrap();
    let (consumer, producer) = (connection.consumer("t", "g"), connection.producer("t", 1));
    let text = format!("{connection:?} {consumer:?} {producer:?}");
    assert!(text.contains("sasl.password") && !text.contains(SECRET), "{text}");
}
