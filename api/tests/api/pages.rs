use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::backend::Backend;
use crate::tape::{NOW_MS, candle, down, ms};
use crate::world::{World, text};

const SERVICES: [&str; 2] = Backend::SERVICES;

#[tokio::test]
async fn symbols_are_the_references_list_with_their_series() {
    let world = World::with_minutes(0..1).await;
    let mut hour = candle(0);
    hour.interval = market::interval::Interval::H1;
    hour.source = market::symbol::SourceName::new("kraken").unwrap();
    world.store(&hour, 1).await;
    let answer = world.get("/api/v1/symbols").await.json();
    assert_eq!(answer["count"], 2);
    let bitcoin = &answer["symbols"][0];
    assert_eq!(
        (&bitcoin["symbol"], &bitcoin["name"], &bitcoin["slug"]),
        (&json!("BTC"), &json!("BTC"), &json!("bitcoin"))
    );
    assert_eq!(
        bitcoin["series"],
        json!([
            {"symbol": "BTC", "source": "binance", "kind": "trade", "venue": "binance",
             "instrument": "BTCUSDT", "primary": true, "intervals": ["1m", "5m"]},
            {"symbol": "BTC", "source": "coingecko", "kind": "quote", "venue": "coingecko",
             "instrument": "bitcoin", "primary": false, "intervals": ["1m", "5m"]},
            {"symbol": "BTC", "source": "kraken", "kind": "trade", "venue": "kraken",
             "instrument": "BTC/USD", "primary": false, "intervals": ["1m", "5m", "1h"]},
        ])
    );
    assert_eq!(answer["symbols"][1]["slug"], "eth");
}

#[tokio::test]
async fn pipeline_says_whether_it_is_the_demo_market() {
    let world = World::new().await;
    let answer = world.get("/api/v1/pipeline").await.json();
    assert_eq!((&answer["name"], &answer["demo"]), (&json!("majors"), &json!(Backend::IS_DEMO)));
    assert_eq!(answer["server_time_ms"], NOW_MS);
    assert_eq!(answer["series"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn health_tells_how_the_feeds_are_and_how_old() {
    let world = World::new().await;
    let answer = world.get("/health").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["status"], "healthy");
    assert_eq!(answer.json()["timestamp"], "2024-08-08T01:00:10Z");
    world.put_feed(&down(), 4).await;
    let answer = world.get("/health").await;
    assert_eq!(answer.status, StatusCode::OK);
    let health = answer.json();
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["services"], json!({(SERVICES[0]): "healthy", (SERVICES[1]): "healthy"}));
    assert_eq!(
        health["feeds"],
        json!([{"symbol": "BTC", "source": "binance", "state": "down", "reason": "no route",
                "watermark_ns": ms(60) * 1_000_000, "watermark_age_ms": 10_000}])
    );
}

#[tokio::test]
async fn health_is_503_only_when_the_store_cannot_be_read() {
    let world = World::new().await;
    world.drop_table("feed").await;
    let answer = world.get("/health").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let health = answer.json();
    assert_eq!(health["status"], "unhealthy");
    assert!(text(&health["services"][SERVICES[0]]).starts_with("the store cannot be read"));
}

#[tokio::test]
async fn dashboard_is_served_with_a_strict_policy_and_asked_for_again() {
    let world = World::new().await;
    let page = world.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert!(page.text.starts_with("<!doctype html>"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains("unsafe-eval"), "{policy}");
    let request = Request::get("/").header("if-none-match", page.header("etag"));
    let again = world.request(request.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn files_of_the_dashboard_are_kept_for_ever_since_their_names_change() {
    let world = World::new().await;
    let page = world.get("/").await.text;
    let (_, rest) = page.split_once(" src=\"").unwrap();
    let (script, _) = rest.split_once('"').unwrap();
    let file = world.get(script).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn path_that_is_nothing_is_a_problem() {
    let world = World::new().await;
    let answer = world.get("/api/v1/nothing").await;
    assert_eq!(
        answer.json(),
        json!({
            "type": "urn:crypto-pipeline:problem:not-found", "title": "Not Found", "status": 404,
            "detail": "there is nothing at \"/api/v1/nothing\"", "instance": "/api/v1/nothing",
            "code": "not-found",
        })
    );
    assert_eq!(world.get("/../Cargo.toml").await.problem().0, 404);
}

#[tokio::test]
async fn websocket_asked_for_by_plain_get_is_a_problem() {
    let world = World::new().await;
    for path in ["/ws/v1", "/ws/prices/BTC"] {
        let (status, code, _) = world.get(path).await.problem();
        assert_eq!((status, code.as_str()), (426, "upgrade-required"), "{path}");
    }
}
