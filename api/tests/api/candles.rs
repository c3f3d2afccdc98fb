use axum::body::Body;
use axum::http::Request;
use market::interval::Interval;
use market::publication::Feed;

use crate::tape::{candle, down, ms};
use crate::world::{World, minutes_of, text};

async fn problem(query: &str) -> (u16, String, String) {
    World::with_minutes(0..3).await.get(query).await.problem()
}

#[tokio::test]
async fn without_bounds_the_newest_are_answered_in_ascending_order() {
    let world = World::with_minutes(0..10).await;
    assert_eq!(world.minutes("limit=3").await, [7, 8, 9]);
    assert_eq!(world.minutes("limit=3&order=desc").await, [9, 8, 7]);
}

#[tokio::test]
async fn start_alone_answers_the_oldest_from_there_on() {
    let world = World::with_minutes(0..10).await;
    assert_eq!(world.minutes(&format!("start={}&limit=3", ms(4))).await, [4, 5, 6]);
    assert_eq!(world.minutes(&format!("start={}&limit=3", ms(4) + 1)).await, [5, 6, 7]);
    assert_eq!(world.minutes(&format!("start={}&limit=3&order=desc", ms(4))).await, [6, 5, 4]);
}

#[tokio::test]
async fn end_alone_answers_the_newest_before_it() {
    let world = World::with_minutes(0..10).await;
    assert_eq!(world.minutes(&format!("end={}&limit=3", ms(4))).await, [1, 2, 3]);
    assert_eq!(world.minutes(&format!("end={}&limit=3&order=desc", ms(4))).await, [3, 2, 1]);
}

#[tokio::test]
async fn range_is_half_open_and_times_are_read_in_both_forms() {
    let world = World::with_minutes(0..10).await;
    assert_eq!(world.minutes(&format!("start={}&end={}", ms(2), ms(5))).await, [2, 3, 4]);
    let query = "start=2024-08-08T00:02:00Z&end=2024-08-08T02:05:00%2B02:00&order=desc";
    assert_eq!(world.minutes(query).await, [4, 3, 2]);
    assert_eq!(world.minutes(&format!("start={}&end={}", ms(2), ms(2))).await, [0; 0]);
}

#[tokio::test]
async fn page_holds_five_hundred_unless_told_otherwise() {
    let world = World::with_minutes(0..600).await;
    assert_eq!(world.minutes("").await, Vec::from_iter(100..600));
    let (status, code, detail) = world.get("/api/v1/candles/BTC?limit=5001").await.problem();
    assert_eq!((status, code.as_str()), (400, "invalid-limit"));
    assert!(detail.contains("\"5001\" is not between 1 and 5000"), "{detail}");
}

#[tokio::test]
async fn pages_by_cursor_are_the_whole_range_once() {
    let world = World::with_minutes((0..40).filter(|minute| minute % 7 != 3)).await;
    for range in [
        "",
        &format!("start={}", ms(2)),
        &format!("end={}", ms(35)),
        &format!("start={}&end={}", ms(2), ms(35)),
    ] {
        for order in ["asc", "desc"] {
            for fill in ["none", "null", "previous"] {
                let query = format!("{range}&order={order}&fill={fill}");
                let query = query.trim_start_matches('&');
                let whole = world.get(&format!("/api/v1/candles/BTC?{query}")).await.json();
                let mut pages = walk(&world, query).await;
                // Each page stands in the order asked for; the pages follow the walk.
                pages.sort_by_key(|candle| candle["open_time_ms"].as_i64());
                let mut expected = whole["data"].as_array().unwrap().clone();
                expected.sort_by_key(|candle| candle["open_time_ms"].as_i64());
                assert!(!expected.is_empty());
                assert_eq!(pages, expected, "{query}");
            }
        }
    }
}

/// Every page of four candles, through the `Link` header as through the body.
async fn walk(world: &World, query: &str) -> Vec<serde_json::Value> {
    let mut path = format!("/api/v1/candles/BTC?{query}&limit=4");
    let mut all = Vec::new();
    loop {
        let answer = world.get(&path).await;
        let page = answer.json();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert!(!answer.headers.contains_key("link"));
            return all;
        };
        assert_eq!(minutes_of(&page).len(), 4);
        let link = answer.header("link").strip_prefix('<').unwrap();
        path = link.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        assert!(path.ends_with(&format!("&cursor={cursor}")), "{path}");
    }
}

#[tokio::test]
async fn cursor_of_another_question_is_refused() {
    let world = World::with_minutes(0..10).await;
    let page = world.get("/api/v1/candles/BTC?limit=2").await.json();
    let cursor = text(&page["next_cursor"]);
    let path = format!("/api/v1/candles/BTC?limit=2&order=desc&cursor={cursor}");
    let (status, code, _) = world.get(&path).await.problem();
    assert_eq!((status, code.as_str()), (400, "invalid-cursor"));
}

#[tokio::test]
async fn candle_is_answered_as_it_is_with_exact_decimals_as_text() {
    let world = World::with_minutes(7..8).await;
    let page = world.get("/api/v1/candles/BTC").await.json();
    assert_eq!(page["data"][0], serde_json::to_value(candle(7)).unwrap());
    assert_eq!(page["data"][0]["quote_volume"], "75001.000000000000000001");
    assert_eq!(page["next_cursor"], serde_json::Value::Null);
}

#[tokio::test]
async fn answer_says_how_far_it_reaches() {
    let world = World::with_minutes(0..3).await;
    world.store(&candle(0), 950).await;
    let page = world.get("/api/v1/candles/BTC").await.json();
    assert_eq!(page["as_of"], serde_json::json!({"seq": 950, "watermark_ms": null}));
    let feed = Feed { watermark_ns: 1_723_075_380_500_000_000, ..down() };
    world.put_feed(&feed, 4).await;
    let page = world.get("/api/v1/candles/BTC").await.json();
    assert_eq!(page["as_of"]["watermark_ms"], 1_723_075_380_500_i64);
}

#[tokio::test]
async fn symbol_alone_means_its_primary_source() {
    let world = World::with_minutes(0..1).await;
    let mut kraken = candle(5);
    kraken.source = market::symbol::SourceName::new("kraken").unwrap();
    world.store(&kraken, 1).await;
    for symbol in ["BTC", "btc", "BTC-USD", "btcusd", "BTC%2FUSD"] {
        let page = world.get(&format!("/api/v1/candles/{symbol}")).await.json();
        assert_eq!(page["data"][0]["source"], "binance", "{symbol}");
    }
    let page = world.get("/api/v1/candles/BTC?source=kraken").await.json();
    assert_eq!(page["data"][0]["source"], "kraken");
    assert_eq!(minutes_of(&page), [5]);
}

#[tokio::test]
async fn interval_is_one_that_the_spec_asks_for_or_that_is_stored() {
    let world = World::with_minutes(0..3).await;
    assert_eq!(world.minutes("interval=5m").await, [0; 0]);
    let (status, code, detail) = world.get("/api/v1/candles/BTC?interval=1h").await.problem();
    assert_eq!((status, code.as_str()), (404, "unknown-interval"));
    assert_eq!(detail, "BTC:binance has no 1h candles; it has 1m 5m");
    let mut hour = candle(0);
    hour.interval = Interval::H1;
    world.store(&hour, 1).await;
    assert_eq!(world.minutes("interval=1h").await, [0]);
}

#[tokio::test]
async fn unknown_names_are_answered_with_near_ones() {
    for (path, status, code, detail) in [
        (
            "/api/v1/candles/BTX",
            404,
            "unknown-symbol",
            "\"BTX\" is not a symbol of this pipeline; did you mean BTC?",
        ),
        (
            "/api/v1/candles/DOGE",
            404,
            "unknown-symbol",
            "\"DOGE\" is not a symbol of this pipeline; use one of BTC ETH",
        ),
        (
            "/api/v1/candles/BTC?source=binanse",
            404,
            "unknown-source",
            "\"binanse\" is not a source of BTC; did you mean binance?",
        ),
        (
            "/api/v1/candles/BTC?interval=7m",
            400,
            "unknown-interval",
            "\"7m\" is not an interval; use one of \
             1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M",
        ),
    ] {
        let answered = problem(path).await;
        assert_eq!(answered, (status, code.to_owned(), detail.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_refused_with_a_sentence() {
    for (query, code, part) in [
        ("start=2024-08-08T00:00:00", "invalid-time", "RFC 3339 with a zone"),
        ("start=", "invalid-time", "start \"\" is not a time"),
        ("start=2&end=1", "invalid-range", "start lies after end"),
        ("order=up", "invalid-parameter", "order \"up\" is none of asc desc"),
        ("fill=zero", "invalid-parameter", "fill \"zero\" is none of none null previous"),
        ("format=xml", "invalid-parameter", "format \"xml\" is none of json csv"),
        ("intervall=1m", "invalid-parameter", "unknown field `intervall`"),
        ("cursor=x", "invalid-cursor", "cursor \"x\" is none of ours"),
    ] {
        let (status, answered, detail) = problem(&format!("/api/v1/candles/BTC?{query}")).await;
        assert_eq!((status, answered.as_str()), (400, code), "{query}");
        assert!(detail.contains(part), "{query}: {detail}");
    }
}

#[tokio::test]
async fn extreme_bounds_are_answered_and_never_panic() {
    let world = World::with_minutes(0..3).await;
    let (least, most) = (i64::MIN, i64::MAX);
    for fill in ["none", "null", "previous"] {
        for interval in ["1m", "5m"] {
            for (query, count) in [
                (format!("start={least}&end={most}"), 3),
                (format!("start={most}"), 0),
                (format!("end={least}"), 0),
                (format!("start={least}&order=desc"), 3),
            ] {
                let query = format!("{query}&fill={fill}&interval={interval}");
                let count = if interval == "1m" { count } else { 0 };
                assert_eq!(world.minutes(&query).await.len(), count, "{query}");
            }
        }
    }
}

#[tokio::test]
async fn store_that_cannot_be_read_is_a_problem_without_driver_text() {
    let world = World::with_minutes(0..3).await;
    world.drop_table("candle").await;
    let answered = world.get("/api/v1/candles/BTC").await.problem();
    let detail = "the store cannot be read; try again in a moment".to_owned();
    assert_eq!(answered, (503, "store-unavailable".to_owned(), detail));
}

#[tokio::test]
async fn other_methods_are_refused_as_a_problem_that_names_the_allowed_one() {
    let world = World::new().await;
    let request = Request::post("/api/v1/candles/BTC").body(Body::empty()).unwrap();
    let answer = world.request(request).await;
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let (status, code, _) = answer.problem();
    assert_eq!((status, code.as_str()), (405, "method-not-allowed"));
}
