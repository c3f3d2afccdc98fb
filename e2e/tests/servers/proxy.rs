use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use e2e::{
    servers::{Durability, Kafka, KafkaOptions, Postgres, PostgresKind, Proxy, Traffic, Way},
    wait::{self, timed},
};

const SOON: Duration = Duration::from_secs(10);

/// A server that answers each byte with the same.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn round_trip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer)?;
    assert_eq!(answer, bytes);
    Ok(())
}

/// Whether nothing arrives for a while.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let kind = stream.read(&mut [0]).map_err(|error| error.kind());
    stream.set_read_timeout(Some(SOON)).unwrap();
    kind == Err(io::ErrorKind::WouldBlock)
}

#[test]
fn passing_traffic_arrives_whole_with_its_end() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    let sent: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 4]).collect();
    let (mut writer, copy) = (stream.try_clone().unwrap(), sent.clone());
    let writes = thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    writes.join().unwrap();
    assert!(received == sent);
    assert_eq!(proxy.accepted(), 1);
    drop(stream);
    wait::until("the end of the connection", SOON, || proxy.open() == 0);
}

#[test]
fn a_cut_resets_connections_and_refuses_new_ones_until_it_passes() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    round_trip(&mut stream, b"before").unwrap();
    proxy.set(Traffic::Cut);
    assert_eq!(proxy.open(), 0);
    let error = round_trip(&mut stream, b"x").unwrap_err();
    assert!([io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe].contains(&error.kind()));
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    proxy.set(Traffic::Pass);
    round_trip(&mut connect(&proxy), b"after").unwrap();
    assert_eq!(proxy.accepted(), 2);
}

#[test]
fn a_stall_forwards_nothing_its_way_and_loses_nothing() {
    let proxy = Proxy::to(echo());
    let mut before = connect(&proxy);
    round_trip(&mut before, b"before").unwrap();
    for way in [Way::Up, Way::Down, Way::Both] {
        proxy.set(Traffic::Stall(way));
        let mut during = connect(&proxy);
        for stream in [&mut before, &mut during] {
            stream.write_all(b"held").unwrap();
            assert!(is_silent(stream), "{way:?}");
        }
        proxy.set(Traffic::Pass);
        for stream in [&mut before, &mut during] {
            let mut held = [0; 4];
            stream.read_exact(&mut held).unwrap();
            assert_eq!(&held, b"held", "{way:?}");
        }
    }
}

#[test]
fn a_delay_holds_each_byte_but_not_the_rate() {
    let proxy = Proxy::to(echo());
    let mut stream = connect(&proxy);
    proxy.set(Traffic::Delay(Duration::from_millis(100)));
    let (result, time) = timed(|| round_trip(&mut stream, b"late"));
    result.unwrap();
    assert!((200..400).contains(&time.as_millis()), "there and back took {time:?}");
    let ((), time) = timed(|| {
        for _ in 0..100 {
            stream.write_all(&[7; 1000]).unwrap();
        }
        stream.read_exact(&mut [0; 100_000]).unwrap();
    });
    assert!(time.as_millis() < 1_000, "a hundred in a row took {time:?}");
}

#[test]
fn a_throttle_holds_the_rate_of_all_connections() {
    let proxy = Proxy::to(echo());
    let mut streams = [connect(&proxy), connect(&proxy)];
    proxy.set(Traffic::Throttle(100_000));
    let ((), time) = timed(|| {
        for stream in &mut streams {
            stream.write_all(&[7; 25_000]).unwrap();
        }
        for stream in &mut streams {
            stream.read_exact(&mut [0; 25_000]).unwrap();
        }
    });
    assert!((450..1_500).contains(&time.as_millis()), "50 kB at 100 kB/s took {time:?}");
}

#[test]
fn a_server_that_is_away_resets_the_client() {
    let postgres = Postgres::private(PostgresKind::Plain, Durability::Relaxed);
    let proxy = Proxy::to(postgres.address());
    postgres.server().kill();
    let mut stream = connect(&proxy);
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    postgres.server().restart();
}

#[test]
fn kafka_behind_proxies_tells_clients_their_addresses() {
    let kafka = Kafka::private(&KafkaOptions::default());
    assert_eq!(kafka.proxied_bootstrap(), kafka.proxy(1).address().to_string());
    let mut stream = connect(kafka.proxy(1));
    // Metadata, version 1, correlation 1, no client id, no topics.
    stream.write_all(&[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 255, 255, 0, 0, 0, 0]).unwrap();
    let mut answer = [0; 4 + 4 + 4 + 4 + 2 + 9 + 4];
    stream.read_exact(&mut answer).unwrap();
    let port = i32::from_be_bytes(answer[27..31].try_into().unwrap());
    assert_eq!(
        (&answer[18..27], port),
        (&b"127.0.0.1"[..], kafka.proxy(1).address().port().into())
    );
}
