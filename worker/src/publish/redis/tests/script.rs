use futures::StreamExt;

use super::*;

const CHANNEL: &str = "BTC:binance:1m";
const LATEST: &str = "p:BTC:binance:1m:latest";

async fn publish(link: &mut RedisLink, publications: &[Publication]) -> (usize, usize) {
    let messages: Vec<Message> = publications.iter().map(message).collect();
    let published = link.publish(&messages).await.unwrap();
    (published.taken, published.refused)
}

#[test]
fn a_number_that_is_not_higher_than_the_channels_last_is_refused() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        let minute = |seq: u64| closed(seq, candle("BTC", Interval::M1, 1));
        let above_a_float = 9_007_199_254_740_992;
        for (seqs, counts) in [
            (vec![1, 2], (2, 0)),
            (vec![1, 2], (0, 2)),
            (vec![2, 1, 3], (1, 2)),
            (vec![10, 9, 11], (2, 1)),
            (vec![above_a_float, above_a_float, above_a_float + 1], (2, 1)),
        ] {
            let publications: Vec<_> = seqs.iter().map(|seq| minute(*seq)).collect();
            assert_eq!(publish(&mut link, &publications).await, counts, "{seqs:?}");
        }
        // Other channels have numbers of their own.
        let other = closed(1, candle("BTC", Interval::M5, 1));
        assert_eq!(publish(&mut link, &[other, feed_state(1)]).await, (2, 0));
        let stream = server.stream("p").await;
        let seqs: Vec<u64> =
            stream.iter().filter(|(channel, _)| channel == CHANNEL).map(|(_, seq)| *seq).collect();
        assert_eq!(seqs, [1, 2, 3, 10, 11, above_a_float, above_a_float + 1]);
        assert_eq!(stream[7..], [("BTC:binance:5m".into(), 1), ("BTC:binance:feed".into(), 1)]);
    });
}

#[test]
fn what_is_in_the_stream_is_what_was_published() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        let published = [closed(7, candle("BTC", Interval::M1, 1)), feed_state(4)];
        publish(&mut link, &published).await;
        let mut look = server.look().await;
        let range = redis::cmd("XRANGE").arg("p:stream").arg("-").arg("+").clone();
        let reply: StreamRangeReply = range.query_async(&mut look).await.unwrap();
        for (entry, publication) in reply.ids.iter().zip(&published) {
            let json: String = entry.get("json").unwrap();
            assert_eq!(json, serde_json::to_string(publication).unwrap());
            assert_eq!(entry.map.len(), 3);
        }
        assert_eq!(reply.ids.len(), 2);
        let latest = look.get(LATEST).await.unwrap().unwrap();
        assert_eq!(latest, serde_json::to_string(&published[0]).unwrap());
        assert_eq!(look.ttl(LATEST).await.unwrap().raw(), -1, "it lasts");
    });
}

/// Generation, claim, minute, revision of a last value; 9 as revision stands for an open bar.
type Step = (i64, i64, i64, u32);

const OPEN: u32 = 9;

fn step(seq: u64, (source_gen, claim, minute, revision): Step) -> Message {
    let candle = candle("BTC", Interval::M1, minute);
    let publication = match revision {
        OPEN => open_bar(seq, candle, 5),
        revision => closed(seq, Candle { revision, ..candle }),
    };
    Message::of(Standing { source_gen, claim, primary: true }, &publication).unwrap()
}

#[test]
fn a_last_value_is_replaced_only_by_one_that_is_not_lower() {
    on_runtime(async {
        let server = Server::running();
        let mut look = server.look().await;
        for (name, first, second, is_taken) in [
            ("the next minute", (1, 1, 5, 0), (1, 1, 6, 0), true),
            ("an older minute", (1, 1, 5, 0), (1, 1, 4, 3), false),
            ("a revision", (1, 1, 5, 0), (1, 1, 5, 1), true),
            ("an older revision", (1, 1, 5, 2), (1, 1, 5, 1), false),
            ("the close of an open bar", (1, 1, 5, OPEN), (1, 1, 5, 0), true),
            ("an open bar of a closed minute", (1, 1, 5, 0), (1, 1, 5, OPEN), false),
            ("an open bar of the next minute", (1, 1, 5, 0), (1, 1, 6, OPEN), true),
            ("the close after the next one began", (1, 1, 6, OPEN), (1, 1, 5, 0), false),
            ("a zombie", (1, 2, 5, 0), (1, 1, 6, 0), false),
            ("a zombie's revision", (1, 2, 5, 0), (1, 1, 5, 4), false),
            ("a zombie's open bar", (1, 10, 5, 0), (1, 9, 6, OPEN), false),
            ("the next claim", (1, 9, 5, 0), (1, 10, 5, 0), true),
            ("the next claim's revision of old", (1, 1, 5, 0), (1, 2, 3, 1), false),
            ("a new generation", (1, 7, 5, 0), (2, 1, 3, 0), true),
            ("an old generation", (2, 1, 5, 0), (1, 7, 6, 0), false),
        ] {
            let prefix = name.replace(' ', "-");
            let mut link = server.link(&prefix).await;
            let messages = [step(1, first), step(2, second)];
            for message in &messages {
                link.publish(std::slice::from_ref(message)).await.unwrap();
            }
            let latest = look.get(format!("{prefix}:{CHANNEL}:latest")).await.unwrap().unwrap();
            assert_eq!(latest == messages[1].json, is_taken, "{name}: {latest}");
        }
    });
}

#[test]
fn an_open_bar_is_a_last_value_and_a_message_and_never_in_the_stream() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        let client = Client::open(server.url()).unwrap();
        let mut watch = client.get_async_pubsub().await.unwrap();
        watch.subscribe("p:live").await.unwrap();
        let bar = |event_ns: i64| open_bar(41, candle("BTC", Interval::M1, 1), event_ns);
        assert_eq!(publish(&mut link, &[bar(1_000), bar(3_000), bar(2_000)]).await, (2, 1));
        let mut heard = watch.on_message();
        for event_ns in [1_000, 3_000] {
            let text: String = heard.next().await.unwrap().get_payload().unwrap();
            let Publication::OpenBar { seq, candle } = serde_json::from_str(&text).unwrap() else {
                panic!("{text}")
            };
            assert_eq!((seq, candle.last_event_ns, candle.closed), (41, Some(event_ns), false));
        }
        let latest = server.look().await.get(LATEST).await.unwrap().unwrap();
        assert_eq!(latest, serde_json::to_string(&bar(3_000)).unwrap());
        assert!(server.stream("p").await.is_empty());
    });
}

#[test]
fn the_references_value_is_the_primary_sources_last_closed_minute() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        let client = Client::open(server.url()).unwrap();
        let mut watch = client.get_async_pubsub().await.unwrap();
        watch.subscribe("p:updates").await.unwrap();
        let minute = |symbol, at| candle(symbol, Interval::M1, at);
        publish(&mut link, &[open_bar(0, minute("BTC", 6), 9), closed(1, minute("BTC", 5))]).await;
        let old = Candle { revision: 1, close: None, ..minute("BTC", 4) };
        publish(&mut link, &[closed(2, old), closed(1, candle("ETH", Interval::M5, 5))]).await;
        let other = Standing { primary: false, ..STANDING };
        let other = Message::of(other, &closed(1, minute("SOL", 5))).unwrap();
        link.publish(&[other]).await.unwrap();

        let mut look = server.look().await;
        let latest = look.get("p:BTC:latest").await.unwrap().unwrap();
        assert_eq!(
            latest,
            r#"{"symbol":"BTC","windowStart":1723075500,"windowEnd":1723075560,"open":"61685.99","high":"61700","low":"61600.5","close":"61650","volumeSum":"12.5","eventCount":321}"#
        );
        let seconds = look.ttl("p:BTC:latest").await.unwrap().raw();
        assert!((290..=300).contains(&seconds), "{seconds}");
        assert!(!look.exists("p:ETH:latest").await.unwrap());
        assert!(!look.exists("p:SOL:latest").await.unwrap());
        let text: String = watch.on_message().next().await.unwrap().get_payload().unwrap();
        assert_eq!(text, latest);
    });
}

#[test]
fn the_stream_keeps_about_its_length() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        let count = u64::try_from(STREAM_LENGTH_MAX).unwrap() + 5_000;
        let seqs: Vec<u64> = (1..=count).collect();
        for batch in seqs.chunks(BATCH_MESSAGES_MAX) {
            let batch: Vec<_> = batch.iter().map(|seq| message(&feed_state(*seq))).collect();
            link.publish(&batch).await.unwrap();
        }
        let length: usize =
            redis::cmd("XLEN").arg("p:stream").query_async(&mut server.look().await).await.unwrap();
        assert!((STREAM_LENGTH_MAX..STREAM_LENGTH_MAX + 1_000).contains(&length), "{length}");
    });
}

#[test]
fn a_prefix_of_another_owner_is_refused_at_once_and_later() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        assert!(link.is_first());
        assert!(!server.link("p").await.is_first(), "several workers have one owner");
        let other = RedisSettings::new(&server.url(), "p", "trading/others").unwrap();
        let error = RedisLink::connect(&other).await.err().unwrap().to_string();
        for word in ["\"p:\"", "trading/majors", "trading/others"] {
            assert!(error.contains(word), "{error}");
        }
        let mut look = server.look().await;
        look.set("p:owner", "trading/others").await.unwrap();
        let refused = link.publish(&[message(&feed_state(1))]).await;
        assert!(matches!(refused, Err(PublishError::RefuseOwner { .. })));
        look.del("p:owner").await.unwrap();
        let refused = link.publish(&[message(&feed_state(1))]).await;
        assert!(matches!(refused, Err(PublishError::FindOwner { .. })));
        assert!(!look.exists("p:stream").await.unwrap());
    });
}

#[test]
fn a_batch_is_bounded() {
    on_runtime(async {
        let server = Server::running();
        let messages = vec![message(&feed_state(1)); BATCH_MESSAGES_MAX + 1];
        let refused = server.link("p").await.publish(&messages).await;
        assert!(matches!(refused, Err(PublishError::BoundBatch { .. })));
    });
}

#[test]
fn no_error_and_no_log_has_the_password() {
    on_runtime(async {
        let secret = "hunter2";
        let server = Server::running();
        let port = server.0.address().port();
        server.0.server().kill();
        let mut said = Vec::new();
        for url in [
            format!("http://me:{secret}@127.0.0.1:{port}"),
            format!("redis://me:{secret}@[::1"),
            format!("redis://me:{secret}@127.0.0.1:{port}"),
            format!("rediss://me:{secret}@127.0.0.1:{port}"),
        ] {
            let error = match RedisSettings::new(&url, "p", OWNER) {
                Ok(settings) => {
                    said.push(format!("{settings:?}"));
                    RedisLink::connect(&settings).await.err().unwrap()
                }
                Err(error) => error,
            };
            said.push(format!("{error} {error:?}"));
        }
        server.0.server().restart();
        let mut look = server.look().await;
        let require = redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("other").clone();
        require.query_async::<()>(&mut look).await.unwrap();
        let url = format!("redis://:{secret}@127.0.0.1:{port}");
        let settings = RedisSettings::new(&url, "p", OWNER).unwrap();
        let error = RedisLink::connect(&settings).await.err().unwrap();
        said.push(format!("{error} {error:?}"));
        // TLS with a server that speaks none is an error, not a wait.
        let url = format!("rediss://:{secret}@127.0.0.1:{port}");
        let settings = RedisSettings::new(&url, "p", OWNER).unwrap();
        let error = RedisLink::connect(&settings).await.err().unwrap();
        assert!(matches!(error, PublishError::Connect { .. }));
        said.push(format!("{error} {error:?}"));
        assert!(said.iter().all(|said| !said.contains(secret)), "{said:#?}");
        assert!(said.iter().skip(2).all(|said| said.contains("127.0.0.1")), "{said:#?}");
    });
}

#[test]
fn by_tls_a_server_that_nobody_vouches_for_is_refused() {
    on_runtime(async {
        let server = Server::running();
        let settings = RedisSettings::new(&server.0.tls_url(), "p", OWNER).unwrap();
        let error = RedisLink::connect(&settings).await.err().unwrap();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("UnknownIssuer"), "{cause}");
        assert!(!format!("{error:?} {cause}").contains(e2e::servers::PASSWORD));
    });
}
