use axum::body::Body;
use axum::http::Request;
use market::candle::Candle;
use serde_json::Value;

use crate::tape::ms;
use crate::world::World;

/// The candles of a CSV as JSON objects of texts.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => panic!("a candle is flat"),
    }
}

#[tokio::test]
async fn csv_has_the_columns_of_the_candle_and_says_what_json_says() {
    let world = World::with_minutes(0..30).await;
    for query in ["", "limit=7", "limit=7&order=desc", "start=1723075260000&limit=7", "order=desc"]
    {
        let page = world.get(&format!("/api/v1/candles/BTC?{query}")).await.json();
        let csv = world.get(&format!("/api/v1/candles/BTC?{query}&format=csv")).await;
        assert_eq!(csv.text.lines().next().unwrap(), Candle::FIELDS.join(","));
        let candles = page["data"].as_array().unwrap().iter();
        let expected: Vec<Vec<String>> = candles
            .map(|candle| Candle::FIELDS.iter().map(|field| as_text(&candle[field])).collect())
            .collect();
        assert_eq!(rows(&csv.text), expected, "{query}");
    }
}

#[tokio::test]
async fn csv_is_a_file_with_a_name() {
    let world = World::with_minutes(0..1).await;
    let request = Request::get("/api/v1/candles/BTC").header("accept", "text/csv");
    let answer = world.request(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let name = "attachment; filename=\"BTC-binance-1m.csv\"";
    assert_eq!(answer.header("content-disposition"), name);
    assert_eq!(rows(&answer.text).len(), 1);
}

#[tokio::test]
async fn csv_without_limit_is_the_whole_range_beyond_one_chunk() {
    let world = World::with_minutes(0..2_500).await;
    let opens =
        |text: &str| -> Vec<i64> { rows(text).iter().map(|row| row[3].parse().unwrap()).collect() };
    let whole = world.get("/api/v1/candles/BTC?format=csv").await;
    assert_eq!(opens(&whole.text), (0..2_500).map(ms).collect::<Vec<_>>());
    let path = format!("/api/v1/candles/BTC?format=csv&order=desc&end={}", ms(2_100));
    assert_eq!(opens(&world.get(&path).await.text), (0..2_100).rev().map(ms).collect::<Vec<_>>());
}

#[tokio::test]
async fn csv_of_nothing_is_its_header() {
    let world = World::new().await;
    let answer = world.get("/api/v1/candles/BTC?format=csv").await;
    assert_eq!(answer.text, format!("{}\n", Candle::FIELDS.join(",")));
}

/// `(minute, close, complete)` of every candle of a filled answer.
async fn filled(world: &World, query: &str) -> Vec<(i64, Option<String>, bool)> {
    let page = world.get(&format!("/api/v1/candles/BTC?{query}")).await.json();
    let candles = page["data"].as_array().unwrap().iter();
    candles
        .map(|candle| {
            let minute = (candle["open_time_ms"].as_i64().unwrap() - ms(0)) / 60_000;
            let close = candle["close"].as_str().map(str::to_owned);
            (minute, close, candle["complete"].as_bool().unwrap())
        })
        .collect()
}

fn stored(minute: i64) -> (i64, Option<String>, bool) {
    (minute, Some(format!("{}.5", 60_001 + minute)), true)
}

fn blank(minute: i64, close: Option<&str>) -> (i64, Option<String>, bool) {
    (minute, close.map(str::to_owned), false)
}

#[tokio::test]
async fn windows_between_stored_candles_are_filled_when_asked_for() {
    let world = World::with_minutes([2, 5, 6]).await;
    assert_eq!(filled(&world, "").await, [stored(2), stored(5), stored(6)]);
    let nulls = [stored(2), blank(3, None), blank(4, None), stored(5), stored(6)];
    assert_eq!(filled(&world, "fill=null").await, nulls);
    let last = Some("60003.5");
    let previous = [stored(2), blank(3, last), blank(4, last), stored(5), stored(6)];
    for query in ["fill=previous", &format!("fill=previous&start={}", ms(0))] {
        assert_eq!(filled(&world, query).await, previous, "{query}");
    }
}

#[tokio::test]
async fn bounds_inside_a_hole_are_filled_and_nothing_outside_the_stored_is() {
    let world = World::with_minutes([2, 9]).await;
    let last = Some("60003.5");
    for order in ["asc", "desc"] {
        let query =
            |start, end| format!("fill=previous&order={order}&start={}&end={}", ms(start), ms(end));
        let sorted = async |query: String| {
            let mut candles = filled(&world, &query).await;
            candles.sort_unstable();
            candles
        };
        let inside = [blank(4, last), blank(5, last)];
        assert_eq!(sorted(query(4, 6)).await, inside, "{order}");
        assert_eq!(sorted(query(8, 20)).await, [blank(8, last), stored(9)], "{order}");
        assert_eq!(sorted(query(0, 4)).await, [stored(2), blank(3, last)], "{order}");
        assert_eq!(sorted(query(10, 20)).await, [], "{order}");
        assert_eq!(sorted(query(0, 2)).await, [], "{order}");
    }
}

#[tokio::test]
async fn filled_candle_claims_no_volume_and_no_trades() {
    let world = World::with_minutes([0, 2]).await;
    let page = world.get("/api/v1/candles/BTC?fill=previous").await.json();
    let candle = &page["data"][1];
    for field in ["volume", "quote_volume", "vwap", "trade_count", "first_id", "sma_20"] {
        assert_eq!(candle[field], Value::Null, "{field}");
    }
    assert_eq!(candle["open"], candle["low"]);
    assert_eq!(candle["close_time_ms"], ms(2));
}

#[tokio::test]
async fn filled_csv_is_filled_across_chunks() {
    let world = World::with_minutes([0, 2_499]).await;
    let answer = world.get("/api/v1/candles/BTC?format=csv&fill=null").await;
    assert_eq!(rows(&answer.text).len(), 2_500);
}
