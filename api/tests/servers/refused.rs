use std::error::Error;

use api::{ApiState, ConnectError, Reader, StoreError};

use crate::backend::Backend;

const SECRET: &str = "s3cret-of-this-test";

/// The error with all its causes, as a log shows it.
fn whole(error: &dyn Error) -> String {
    let cause = error.source().map(whole).unwrap_or_default();
    format!("{error} {error:?} {cause}")
}

#[tokio::test]
async fn tables_of_another_pipeline_are_refused() {
    let backend = Backend::new().await;
    let mut settings = backend.settings();
    settings.redis.prefix = "other".to_owned();
    let refused = ApiState::connect(settings).await.err().unwrap();
    assert!(
        matches!(&refused, ConnectError::ConnectStore(StoreError::RefuseOwner { wanted, .. }) if wanted == "other"),
        "{refused}"
    );
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let backend = Backend::new().await;
    backend.set_schema_version(2);
    let refused = ApiState::connect(backend.settings()).await.err().unwrap();
    assert!(
        refused.to_string().contains("is of version 2, and this program reads up to 1"),
        "{refused}"
    );
    let settings = backend.settings();
    let unread = Reader::connect(&settings.postgres, &settings.redis.prefix).await.err().unwrap();
    assert!(unread.to_string().contains("is of version 2"), "{unread}");
}

#[tokio::test]
async fn no_error_and_no_debug_text_holds_a_password() {
    let backend = Backend::new().await;
    for (postgres, redis) in [
        (format!("postgres://u:{SECRET}@localhost:port/x"), None),
        (format!("mysql://u:{SECRET}@localhost/x"), None),
        (backend.settings().postgres.url, Some(format!("redis://u:{SECRET}@localhost:port"))),
        (backend.settings().postgres.url, Some(format!("http://u:{SECRET}@localhost"))),
    ] {
        let mut settings = backend.settings();
        settings.postgres.url = postgres;
        settings.redis.url = redis.unwrap_or(settings.redis.url);
        assert!(!format!("{settings:?}").contains(SECRET));
        let refused = ApiState::connect(settings).await.err().unwrap();
        assert!(!whole(&refused).contains(SECRET), "{refused}");
    }
}
