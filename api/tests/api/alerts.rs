use market::alert::Alert;
use market::publication::Publication;
use serde_json::{Value, json};

use crate::tape::{alert, ms};
use crate::world::World;

/// Three alerts of BTC: at the minutes 3, 20 and 40 of an hour that is just over.
async fn world() -> World {
    let world = World::new().await;
    for (seq, minute) in [(1, 3), (2, 20), (3, 40)] {
        let Publication::Alert { mut alert, .. } = alert(seq) else { panic!("it is an alert") };
        alert.alert_id = format!("alert {seq}");
        alert.timestamp = jiff::Timestamp::from_millisecond(ms(minute)).unwrap();
        world.put_alert(&alert, seq).await;
    }
    world
}

fn ids(answer: &Value) -> Vec<&str> {
    let alerts = answer["alerts"].as_array().unwrap_or_else(|| panic!("no alerts: {answer}"));
    alerts.iter().map(|alert| alert["alert_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn alerts_are_answered_as_the_reference_does_newest_first() {
    let world = world().await;
    for path in ["/api/v1/alerts/BTC", "/api/v1/alerts/all", "/api/v1/alerts", "/api/v1/alerts/"] {
        let answer = world.get(path).await.json();
        let symbol = if path.ends_with("BTC") { "BTC" } else { "ALL" };
        assert_eq!(
            (&answer["symbol"], &answer["alert_count"], &answer["lookback_hours"]),
            (&json!(symbol), &json!(3), &json!(24)),
            "{path}"
        );
        assert_eq!(ids(&answer), ["alert 3", "alert 2", "alert 1"], "{path}");
        let newest = &answer["alerts"][0];
        for (name, value) in [
            ("symbol", json!("BTC")),
            ("alert_type", json!("PRICE_SPIKE")),
            ("price_change_pct", json!(6.1)),
            ("old_price", json!(61685.99)),
            ("new_price", json!(65448.8)),
            ("window_start", json!("2024-08-08T00:03:00Z")),
            ("window_end", json!("2024-08-08T00:04:00Z")),
            ("created_at", json!("2024-08-08T00:40:00Z")),
            ("severity", json!("MEDIUM")),
            ("source", json!("binance")),
        ] {
            assert_eq!(newest[name], value, "{name}");
        }
    }
    assert_eq!(ids(&world.get("/api/v1/alerts/ALL?limit=1").await.json()), ["alert 3"]);
    assert!(ids(&world.get("/api/v1/alerts/ETH").await.json()).is_empty());
}

#[tokio::test]
async fn alerts_after_a_row_come_in_the_order_of_their_commits() {
    let world = world().await;
    let first = world.get("/api/v1/alerts/ALL?after=0&limit=2").await.json();
    assert_eq!((ids(&first), &first["lookback_hours"]), (vec!["alert 1", "alert 2"], &Value::Null));
    let row = &first["alerts"][1]["row"];
    let rest = world.get(&format!("/api/v1/alerts/ALL?after={row}&limit=1000")).await.json();
    assert_eq!(ids(&rest), ["alert 3"]);
    assert_eq!(
        (&rest["alerts"][0]["partition"], &rest["alerts"][0]["offset"]),
        (&json!(0), &json!(1))
    );
    // What the command line reads of it is the alert itself.
    let Publication::Alert { alert, .. } = alert(3) else { panic!("it is an alert") };
    let mut read: Alert = serde_json::from_value(rest["alerts"][0].clone()).unwrap();
    (read.alert_id, read.timestamp) = (alert.alert_id.clone(), alert.timestamp);
    assert_eq!(read, alert);
}

#[tokio::test]
async fn what_alerts_cannot_be_asked_for_is_refused_with_what_can() {
    let world = World::new().await;
    for (path, detail) in [
        ("ALL?limit=0", "limit \"0\" is not between 1 and 100"),
        ("ALL?limit=101", "limit \"101\" is not between 1 and 100"),
        ("ALL?hours=169", "hours \"169\" is not between 1 and 168"),
        ("ALL?after=x", "after \"x\" is not a row"),
        ("ALL?after=0&hours=1", "leave hours out"),
        ("BTC?after=0", "after goes through the alerts of ALL"),
        ("ALL?symbol=BTC", "unknown field"),
    ] {
        let (status, _, said) = world.get(&format!("/api/v1/alerts/{path}")).await.problem();
        assert!(status == 400 && said.contains(detail), "{path}: {said}");
    }
    assert_eq!(world.get("/api/v1/alerts/DOGE").await.problem().0, 404);
}
