use super::*;

const CHANNEL: &str = "BTC:binance:1m";
/// What a sender that never waits takes at most for thousands of commits.
const NO_TIME: Duration = Duration::from_secs(1);

async fn recovery(feed: &RedisFeed) -> Recovery {
    until("the time to catch up", || async { feed.recovery() }).await
}

/// A feed that takes commits.
async fn ready(server: &Server) -> RedisFeed {
    let feed = RedisFeed::connect(server.settings("p")).await.unwrap();
    assert_eq!(feed.committed(commit(1)), Err(Refusal::Behind));
    let recovery = recovery(&feed).await;
    assert_eq!(recovery.missing, Missing::Everything, "a new server knows nothing");
    feed.caught_up(recovery).unwrap();
    feed
}

async fn published_to(feed: &RedisFeed, seq: u64) {
    let last = commit(seq).published_to;
    until("the acknowledgement", || async { (feed.take_published_to() == last).then_some(()) })
        .await;
}

async fn seqs(server: &Server) -> Vec<u64> {
    let stream = server.stream("p").await.into_iter();
    stream.filter(|(channel, _)| channel == CHANNEL).map(|(_, seq)| seq).collect()
}

/// Catches up with commits up to this one, as a caller that reads them from its store.
async fn catch_up(feed: &RedisFeed, recovery: Recovery, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let mut left = Some(commit(seq));
        until("room", || {
            let refused = feed.recover(recovery, left.take().unwrap());
            left = refused.err().map(|(refusal, commit)| {
                assert_eq!(refusal, Refusal::Full);
                commit
            });
            std::future::ready(left.is_none().then_some(()))
        })
        .await;
    }
    feed.caught_up(recovery).unwrap();
}

#[test]
fn a_commit_is_published_and_acknowledged() {
    on_runtime(async {
        let server = Server::running();
        let feed = ready(&server).await;
        for seq in 1..=3 {
            feed.committed(commit(seq)).unwrap();
        }
        published_to(&feed, 3).await;
        assert_eq!(seqs(&server).await, [1, 2, 3]);
        feed.open_bars([(STANDING, 3, candle("BTC", Interval::M1, 4))]);
        let mut look = server.look().await;
        let key = "p:BTC:binance:1m:latest";
        for word in ["open_bar", "candle"] {
            let sought = format!(r#"{{"type":"{word}","#);
            until(word, || async {
                let latest = server.look().await.get(key).await.unwrap().unwrap();
                latest.starts_with(&sought).then_some(())
            })
            .await;
            feed.committed(commit(4)).unwrap();
        }
        assert_eq!(look.xlen("p:stream").await.unwrap(), 4);
        feed.close(WAIT_MAX).await;
    });
}

#[test]
fn what_waits_is_published_before_the_end() {
    on_runtime(async {
        let server = Server::running();
        let feed = ready(&server).await;
        for seq in 1..=500 {
            feed.committed(commit(seq)).unwrap();
        }
        feed.close(WAIT_MAX).await;
        assert_eq!(seqs(&server).await, (1..=500).collect::<Vec<_>>());
    });
}

#[test]
fn a_server_that_does_not_answer_holds_up_nobody_and_nothing_is_left_out() {
    on_runtime(async {
        let server = Server::running();
        let feed = ready(&server).await;
        feed.committed(commit(1)).unwrap();
        published_to(&feed, 1).await;
        let mut look = server.look().await;
        let pause = redis::cmd("CLIENT").arg("PAUSE").arg(3_000).arg("ALL").clone();
        pause.query_async::<()>(&mut look).await.unwrap();
        let commits = 5_000;
        let written: Vec<Committed> = (2..=commits).map(commit).collect();
        let sending = tokio::task::spawn_blocking(move || {
            let offered = written.into_iter().map(|commit| feed.committed(commit));
            let refused = offered.filter(Result::is_err).count();
            (feed, refused)
        });
        let (feed, refused) = tokio::time::timeout(NO_TIME, sending).await.unwrap().unwrap();
        assert!(refused > 0, "the queue is bounded");
        let recovery = recovery(&feed).await;
        assert_eq!(recovery.missing, Missing::Unpublished);
        let last = feed.take_published_to().pop().unwrap().commit_seq;
        catch_up(&feed, recovery, u64::try_from(last).unwrap() + 1..=commits).await;
        published_to(&feed, commits).await;
        feed.committed(commit(commits + 1)).unwrap();
        published_to(&feed, commits + 1).await;
        assert_eq!(seqs(&server).await, (1..=commits + 1).collect::<Vec<_>>());
    });
}

#[test]
fn a_server_that_started_anew_is_noticed_and_gets_the_old_numbers_again() {
    on_runtime(async {
        let server = Server::running();
        let feed = ready(&server).await;
        for seq in 1..=20 {
            feed.committed(commit(seq)).unwrap();
        }
        published_to(&feed, 20).await;
        server.0.server().kill();
        feed.committed(commit(21)).unwrap();
        until("the loss", || async { (!feed.is_up()).then_some(()) }).await;
        assert_eq!(feed.recovery(), None, "nobody is there to take it");
        server.0.server().restart();
        let recovery = recovery(&feed).await;
        assert_eq!(recovery.missing, Missing::Everything);
        assert_eq!(feed.committed(commit(22)), Err(Refusal::Behind), "it comes after the others");
        catch_up(&feed, recovery, 15..=22).await;
        feed.committed(commit(23)).unwrap();
        published_to(&feed, 23).await;
        assert_eq!(seqs(&server).await, (15..=23).collect::<Vec<_>>());
    });
}

#[test]
fn a_memory_that_was_wiped_without_a_restart_is_noticed() {
    on_runtime(async {
        let server = Server::running();
        let feed = ready(&server).await;
        feed.committed(commit(1)).unwrap();
        published_to(&feed, 1).await;
        redis::cmd("FLUSHALL").query_async::<()>(&mut server.look().await).await.unwrap();
        feed.committed(commit(2)).unwrap();
        let recovery = recovery(&feed).await;
        assert_eq!(recovery.missing, Missing::Everything);
        catch_up(&feed, recovery, 1..=2).await;
        published_to(&feed, 2).await;
        assert_eq!(seqs(&server).await, [1, 2]);
    });
}

#[test]
fn a_server_that_comes_later_is_found() {
    on_runtime(async {
        let server = Server::running();
        server.0.server().kill();
        let feed = RedisFeed::connect(server.settings("p")).await.unwrap();
        assert!(!feed.is_up());
        assert_eq!(feed.committed(commit(1)), Err(Refusal::Behind));
        server.0.server().restart();
        let recovery = recovery(&feed).await;
        catch_up(&feed, recovery, 1..=1).await;
        published_to(&feed, 1).await;
    });
}

#[test]
fn another_owners_prefix_is_refused_at_the_start() {
    on_runtime(async {
        let server = Server::running();
        let other = RedisSettings::new(&server.url(), "p", "trading/others").unwrap();
        RedisLink::connect(&other).await.unwrap();
        let refused = RedisFeed::connect(server.settings("p")).await;
        assert!(matches!(refused, Err(PublishError::RefuseOwner { .. })));
    });
}
