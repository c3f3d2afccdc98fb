use super::*;

#[tokio::test]
async fn what_was_committed_and_not_published_is_found_whole_in_pages_of_commits() {
    let (_, mut store, claims) = open().await;
    let claim = &claims[0].claim;
    let full = full_commit(claim);
    applied(&mut store, &full).await;
    let mut second = commit_of(claim, 1, candle(200), 20);
    second.feeds.push(FeedRow { seq: 2, changed: false, ..full.feeds[0].clone() });
    applied(&mut store, &second).await;

    let page = store.unpublished(3, claims[0].published_seq).await.unwrap();
    let expected: Vec<_> = full.candles.iter().chain(&second.candles).cloned().collect();
    let mut found = page.candles.clone();
    found.sort_by_key(|row| row.candle.open_time_ms);
    assert_eq!(found, expected);
    assert_eq!(page.alerts, full.alerts);
    let feed = FeedRow { changed: true, ..second.feeds[0].clone() };
    assert_eq!(page.feeds, [feed]);
    assert_eq!((page.through_seq, page.more), (2, false));

    // A watermark that moved is not published.
    let page = store.unpublished(3, 1).await.unwrap();
    assert_eq!((page.candles.len(), page.alerts.len(), page.feeds.len()), (1, 0, 0));
    assert!(store.set_published(3, claim.token, 2).await.unwrap());
    assert!(store.set_published(3, claim.token, 1).await.unwrap());
    let claim = store.claim("crypto-prices", &[3], "a").await.unwrap().remove(0);
    assert_eq!(claim.published_seq, 2);
    let page = store.unpublished(3, claim.published_seq).await.unwrap();
    assert_eq!(page, Unpublished { through_seq: 2, ..Unpublished::default() });
}

#[tokio::test]
async fn a_page_ends_with_a_commit() {
    let (_, mut store, claims) = open().await;
    let claim = &claims[0].claim;
    for commit_seq in 0..3 {
        let mut commit = commit_of(claim, commit_seq, candle(0), commit_seq);
        let minutes = commit_seq * 600..(commit_seq + 1) * 600;
        commit.candles = minutes
            .map(|minute| crate::store::CandleRow {
                candle: candle(minute),
                last_offset: commit_seq,
                seq: 1,
            })
            .collect();
        applied(&mut store, &commit).await;
    }
    let first = store.unpublished(3, 0).await.unwrap();
    assert_eq!((first.candles.len(), first.through_seq, first.more), (1_200, 2, true));
    let second = store.unpublished(3, first.through_seq).await.unwrap();
    assert_eq!((second.candles.len(), second.through_seq, second.more), (600, 3, false));
}

#[tokio::test]
async fn the_last_closed_candles_come_with_their_seq() {
    let (_, mut store, claims) = open().await;
    let mut commit = full_commit(&claims[0].claim);
    commit.candles.push(crate::store::CandleRow {
        candle: Candle { closed: false, ..candle(100) },
        last_offset: 9,
        seq: 0,
    });
    applied(&mut store, &commit).await;
    let recent = store.recent(&series("BTC"), Interval::M1, 3).await.unwrap();
    assert_eq!(recent, commit.candles[96..99]);
}
