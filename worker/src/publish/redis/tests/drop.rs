use super::*;

#[test]
fn dropping_removes_the_keys_of_this_prefix_and_no_others() {
    on_runtime(async {
        let server = Server::running();
        let mut look = server.look().await;
        for prefix in ["a", "ab", "a.b", "b", "xa", "a*"] {
            let mut link = server.link(prefix).await;
            let publications = ["BTC", "ETH"].map(|symbol| {
                [Interval::M1, Interval::M5]
                    .map(|interval| message(&closed(1, candle(symbol, interval, 1))))
            });
            link.publish(&publications.concat()).await.unwrap();
        }
        look.set("a", 1).await.unwrap();
        look.set("a:notes:of:mine", 1).await.unwrap();
        let mut before = look.keys("*").await.unwrap();
        let removed = drop_keys(&server.settings("a")).await.unwrap();
        assert_eq!(removed, 3 + 4 + 2, "stream, seq, order, last values, the reference's");
        let mut after = look.keys("*").await.unwrap();
        let ours = |key: &String| key.starts_with("a:") && key != "a:notes:of:mine";
        before.retain(|key| !ours(key));
        before.sort();
        after.sort();
        assert_eq!(after, before);
        drop_keys(&server.settings("a*")).await.unwrap();
        assert!(look.exists("ab:stream").await.unwrap(), "a prefix is no pattern");
        assert!(!look.exists("a*:stream").await.unwrap());
    });
}

#[test]
fn dropping_twice_or_what_is_not_ours_removes_nothing() {
    on_runtime(async {
        let server = Server::running();
        let mut look = server.look().await;
        // The reference's own pipeline, which has no owner.
        look.set("crypto:BTC:latest", "{}").await.unwrap();
        for _ in 0..2 {
            assert_eq!(drop_keys(&server.settings("crypto")).await.unwrap(), 0);
            assert_eq!(look.keys("*").await.unwrap(), ["crypto:BTC:latest"]);
        }
        let other = RedisSettings::new(&server.url(), "crypto", "trading/others").unwrap();
        RedisLink::connect(&other).await.unwrap();
        let refused = drop_keys(&server.settings("crypto")).await;
        assert!(matches!(refused, Err(PublishError::RefuseOwner { .. })));
        assert_eq!(look.keys("*").await.unwrap().len(), 2);
    });
}

#[test]
fn dropping_takes_more_keys_than_one_step_sees() {
    on_runtime(async {
        let server = Server::running();
        let mut link = server.link("p").await;
        let symbols: Vec<String> = (0..1_500).map(|at| format!("S{at}")).collect();
        for batch in symbols.chunks(BATCH_MESSAGES_MAX) {
            let candles = batch.iter().map(|symbol| candle(symbol, Interval::M5, 1));
            let messages: Vec<_> = candles.map(|candle| message(&closed(1, candle))).collect();
            link.publish(&messages).await.unwrap();
        }
        assert_eq!(drop_keys(&server.settings("p")).await.unwrap(), 1_503);
        assert!(server.look().await.keys("*").await.unwrap().is_empty());
    });
}
