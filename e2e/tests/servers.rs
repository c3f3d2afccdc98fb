//! The servers start, answer, come back with their data, and leave nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "how long servers take is worth seeing")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use e2e::{
    servers::{
        self, Brokers, Durability, Kafka, KafkaOptions, Postgres, PostgresKind, Redis, Security,
    },
    wait,
};

/// A network between a client and a server.
#[path = "servers/proxy.rs"]
mod proxy;

const GONE_MAX: Duration = Duration::from_secs(10);

#[test]
fn shared_servers_start_once_and_answer() {
    let (kafka, first) = wait::timed(servers::kafka);
    let (postgres, second) = wait::timed(servers::postgres);
    let (redis, third) = wait::timed(servers::redis);
    println!("kafka {first:?}, postgres {second:?}, redis {third:?}");
    let name = servers::prefix("shared");
    kafka.create_topic(&name, 12, &[("retention.ms", "60000")]);
    kafka.create_topic(&name, 12, &[]);
    assert_eq!(redis_says(redis, &format!("SET {name} 1")), "+OK");
    postgres.fresh_database(&name);
    assert_eq!(postgres.psql(&name, "SELECT current_database()"), name);
    assert!(std::ptr::eq(postgres, servers::postgres()));
    assert_eq!(kafka.bootstrap(), servers::kafka().bootstrap());
}

#[test]
fn a_topic_that_kafka_refuses_is_told() {
    let refusal = std::panic::catch_unwind(|| servers::kafka().create_topic("a b", 1, &[]));
    let text = refusal.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("no topic \"a b\": error 17"), "{text}");
}

#[test]
fn killed_kafka_comes_back_with_its_topics() {
    let kafka = Kafka::private(&KafkaOptions::default());
    kafka.create_topic("kept", 3, &[]);
    let broker = kafka.broker(1);
    let pid = broker.pid();
    broker.kill();
    assert!(!is_there(pid));
    let ((), time) = wait::timed(|| broker.restart());
    println!("kafka restarted after kill in {time:?}");
    assert_ne!(broker.pid(), pid);
    assert_eq!(kafka.topics(), ["kept"]);
    broker.terminate();
    broker.start();
    broker.wait_ready();
    assert_eq!(kafka.topics(), ["kept"]);
}

#[test]
fn two_of_three_brokers_carry_on_and_the_third_comes_back() {
    let options = KafkaOptions { brokers: Brokers::Three, ..KafkaOptions::default() };
    let (kafka, time) = wait::timed(|| Kafka::private(&options));
    println!("three brokers in {time:?}");
    kafka.create_topic("before", 6, &[]);
    kafka.broker(2).kill();
    kafka.create_topic("after", 6, &[]);
    kafka.broker(2).restart();
    let pids = [1, 2, 3].map(|id| kafka.broker(id).pid());
    drop(kafka);
    assert!(!pids.into_iter().any(is_there));
}

#[test]
fn killed_postgres_comes_back_with_what_was_committed() {
    comes_back_with_what_was_committed(PostgresKind::Plain);
}

#[test]
fn killed_timescale_comes_back_with_what_was_committed() {
    if has_own_timescale() {
        comes_back_with_what_was_committed(PostgresKind::Timescale);
    }
    let name = servers::prefix("hyper");
    let postgres = servers::timescale();
    postgres.fresh_database(&name);
    postgres.psql(&name, "CREATE TABLE candle (open_time timestamptz NOT NULL)");
    let made = postgres.psql(&name, "SELECT create_hypertable('candle', by_range('open_time'))");
    assert!(made.ends_with(",t)"), "{made}");
}

/// Where a person gives one, a machine may have no other.
fn has_own_timescale() -> bool {
    std::env::var_os("TIMESCALE_URL").is_none()
}

fn comes_back_with_what_was_committed(kind: PostgresKind) {
    let (postgres, time) = wait::timed(|| Postgres::private(kind, Durability::Relaxed));
    println!("{kind:?} in {time:?}");
    let url = postgres.fresh_database("kept");
    assert_eq!(url, postgres.url("kept"));
    postgres.psql("kept", "CREATE TABLE t AS SELECT 7 AS n");
    let pid = postgres.server().pid();
    let ((), time) = wait::timed(|| postgres.server().restart());
    println!("{kind:?} restarted after kill in {time:?}");
    assert!(!is_there(pid));
    assert_eq!(postgres.psql("kept", "SELECT n FROM t"), "7");
    postgres.server().terminate();
    postgres.server().restart();
    assert_eq!(postgres.psql("kept", "SELECT n FROM t"), "7");
}

#[test]
fn a_stopped_server_answers_when_it_goes_on() {
    let postgres = Postgres::private(PostgresKind::Plain, Durability::Relaxed);
    postgres.server().stop();
    let states = states_of_family(postgres.server().pid());
    postgres.server().cont();
    // Those that had ended, and that nobody could wait for, are zombies.
    let are_stopped = states.iter().all(|state| ['T', 'Z'].contains(state));
    assert!(states.len() > 3 && are_stopped, "{states:?}");
    assert_eq!(postgres.psql("postgres", "SELECT 1"), "1");
    let pid = postgres.server().pid();
    postgres.server().stop();
    drop(postgres);
    assert!(!is_there(pid), "a stopped server is ended too");
}

#[test]
fn a_restarted_redis_is_there_and_empty() {
    let redis = Redis::private();
    assert_eq!(redis_says(&redis, "SET a 1"), "+OK");
    redis.server().restart();
    assert_eq!(redis_says(&redis, "GET a"), "$-1");
    let (pid, log) = (redis.server().pid(), redis.server().log().to_owned());
    drop(redis);
    assert!(!is_there(pid) && !log.exists());
}

#[test]
fn servers_speak_tls_with_certificates_of_this_run() {
    let authority = servers::certificates().authority.display();
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={authority}",
        servers::postgres().url("postgres")
    );
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(output("psql", &["-XAtc", sql, "-d", &url]), "t");
    let url = servers::redis().tls_url();
    let cacert = authority.to_string();
    let redis = ["--no-auth-warning", "--tls", "--cacert", &cacert, "-u", &url, "ACL", "WHOAMI"];
    assert_eq!(output("redis-cli", &redis), servers::USER);

    let options = KafkaOptions { security: Security::TlsAndScram, ..KafkaOptions::default() };
    let kafka = Kafka::private(&options);
    let address = kafka.secure_bootstrap();
    let client = ["s_client", "-brief", "-verify_return_error", "-verify_ip", "127.0.0.1"];
    let client = [&client[..], &["-CAfile", &cacert, "-connect", &address]].concat();
    output("openssl", &client);
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_killed_test_process_leaves_no_server_and_no_folder() {
    let mut tests = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_waits_to_be_killed", "--nocapture"])
        .env("E2E_WAIT_TO_BE_KILLED", "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(tests.stdout.take().unwrap());
    let said = output.lines().map_while(Result::ok).find_map(|line| {
        let words = line.strip_prefix("servers: ")?.split(' ').map(str::to_owned);
        Some(words.collect::<Vec<_>>())
    });
    tests.kill().unwrap();
    tests.wait().unwrap();
    let said = said.expect("the helper starts its servers");
    let (pids, paths) = said.split_at(3);
    for pid in pids {
        let pid = pid.parse().unwrap();
        wait::until("the end of a killed test's server", GONE_MAX, || !is_there(pid));
    }
    for path in paths {
        wait::until("a killed test's folder to go", GONE_MAX, || !Path::new(path).exists());
    }
}

/// Does nothing unless the test above runs it.
#[test]
fn helper_that_waits_to_be_killed() {
    if std::env::var_os("E2E_WAIT_TO_BE_KILLED").is_none() {
        return;
    }
    let kafka = Kafka::private(&KafkaOptions::default());
    let kind = if has_own_timescale() { PostgresKind::Timescale } else { PostgresKind::Plain };
    let postgres = Postgres::private(kind, Durability::Relaxed);
    let redis = Redis::private();
    let servers = [kafka.broker(1), postgres.server(), redis.server()];
    // Two are stopped, as a chaos test may leave them.
    servers.iter().skip(1).for_each(|server| server.stop());
    let pids = servers.map(|server| server.pid().to_string()).join(" ");
    let data = std::fs::read_link(format!("/proc/{}/cwd", postgres.server().pid())).unwrap();
    println!("\nservers: {pids} {} {}", kafka.broker(1).log().display(), data.display());
    std::thread::park();
}

fn redis_says(redis: &Redis, command: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(redis.address()).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Of a process and its children: `S` sleeps, `T` is stopped.
fn states_of_family(pid: u32) -> Vec<char> {
    let field = |status: &str, name: &str| -> Option<String> {
        Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned())
    };
    let statuses = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("status")).ok());
    statuses
        .filter(|status| {
            [field(status, "Pid:"), field(status, "PPid:")].contains(&Some(pid.to_string()))
        })
        .filter_map(|status| field(&status, "State:")?.chars().next())
        .collect()
}

/// A zombie is gone: its parent was killed.
fn is_there(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}
