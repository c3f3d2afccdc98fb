use axum::body::{Body, to_bytes};
use axum::http::Request;
use prometheus::IntCounter;
use serde_json::json;
use tower::ServiceExt;

use super::*;

async fn get_text(admin: &Admin, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router(admin.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

fn admin_started(now: Instant) -> Admin {
    Admin::new(now, Registry::new(), || json!({"partitions": [0, 1]}))
}

#[test]
fn loop_is_alive_until_it_has_not_turned_for_thirty_seconds() {
    let start = clock::monotonic();
    let admin = admin_started(start);
    assert!(admin.is_alive(start + TURN_AGE_MAX));
    assert!(!admin.is_alive(start + TURN_AGE_MAX + Duration::from_millis(1)));
    admin.turned(start + TURN_AGE_MAX);
    assert!(admin.is_alive(start + 2 * TURN_AGE_MAX));
    assert!(!admin.is_alive(start + 2 * TURN_AGE_MAX + Duration::from_millis(1)));
}

#[test]
fn heartbeat_never_goes_back() {
    let start = clock::monotonic();
    let admin = admin_started(start);
    admin.turned(start + Duration::from_secs(10));
    admin.turned(start + Duration::from_secs(5));
    assert!(admin.is_alive(start + Duration::from_secs(40)));
}

#[tokio::test]
async fn livez_fails_when_the_loop_stands_still() {
    let now = clock::monotonic();
    assert_eq!(get_text(&admin_started(now), "/livez").await.0, StatusCode::OK);
    let long_ago = now.checked_sub(2 * TURN_AGE_MAX).expect("the machine is up for a minute");
    let (status, text) = get_text(&admin_started(long_ago), "/livez").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.starts_with("the loop has not turned for 6"), "{text}");
}

#[tokio::test]
async fn readyz_says_why_not() {
    let admin = admin_started(clock::monotonic());
    assert_eq!(
        get_text(&admin, "/readyz").await,
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned())
    );
    admin.set_ready();
    assert_eq!(get_text(&admin, "/readyz").await.0, StatusCode::OK);
    admin.set_unready("broker unreachable");
    assert_eq!(get_text(&admin, "/readyz").await.1, "broker unreachable\n");
}

#[tokio::test]
async fn metrics_are_those_of_the_registry() {
    let admin = admin_started(clock::monotonic());
    let counter = IntCounter::new("ticks_total", "Ticks folded.").unwrap();
    admin.0.registry.register(Box::new(counter.clone())).unwrap();
    counter.inc_by(7);
    let (status, text) = get_text(&admin, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("# HELP ticks_total Ticks folded.\n"), "{text}");
    assert!(text.contains("ticks_total 7\n"), "{text}");
}

#[tokio::test]
async fn status_is_asked_at_each_request() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let admin = Admin::new(
        clock::monotonic(),
        Registry::new(),
        move || json!({"asked": counter.fetch_add(1, Ordering::Relaxed) + 1}),
    );
    assert_eq!(get_text(&admin, "/status").await.1, r#"{"asked":1}"#);
    assert_eq!(get_text(&admin, "/status").await.1, r#"{"asked":2}"#);
}

#[tokio::test]
async fn port_closes_when_told_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shutdown = CancellationToken::new();
    let admin = admin_started(clock::monotonic());
    let server = tokio::spawn(serve(listener, admin, shutdown.clone()));
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(2), server).await.unwrap().unwrap();
}
