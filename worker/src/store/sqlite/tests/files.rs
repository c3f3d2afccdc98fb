use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};

use super::*;

async fn refused(dir: &TempDir) -> StoreError {
    SqliteStore::open(dir.path(), owner()).await.err().expect("refused")
}

/// A closed store with some pages of candles.
async fn filled() -> TempDir {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    store.commit(&full_commit(&claims[0])).await.unwrap();
    store.close().await.unwrap();
    dir
}

#[tokio::test]
async fn a_second_opener_is_told_who_has_the_directory() {
    let dir = TempDir::new().unwrap();
    let (store, _) = open(&dir, "a").await;
    let error = refused(&dir).await;
    assert!(matches!(error, StoreError::LockDirectory { .. }));
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(error.exit_code(), 1);
    store.close().await.unwrap();
    SqliteStore::open(dir.path(), owner()).await.unwrap();
}

#[tokio::test]
async fn a_directory_of_another_pipeline_is_refused() {
    let dir = filled().await;
    let other = Owner { prefix: "other".into(), name: "majors".into() };
    let error = SqliteStore::open(dir.path(), other).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("\"crypto\", not of \"majors (prefix other)\""), "{text}");
    assert_eq!(error.exit_code(), 2);
}

#[tokio::test]
async fn newer_data_is_refused_with_its_own_exit_code() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    let mut commit = commit_of(&claims[0], 0, candle(1), 1);
    commit.states[0].version = 9;
    store.commit(&commit).await.unwrap();
    let error = store.load_states(8).await.unwrap_err();
    assert!(matches!(error, StoreError::RefuseNewerState { found: 9, newest: 8, .. }));
    assert_eq!(error.exit_code(), 3);
    assert_eq!(store.load_states(9).await.unwrap().len(), 1);

    let update = sqlx::query("UPDATE owner SET schema_version = 2");
    update.execute(&mut store.connection).await.unwrap();
    store.close().await.unwrap();
    let error = refused(&dir).await;
    assert!(matches!(error, StoreError::RefuseNewerSchema { found: 2, newest: 1, .. }));
    assert_eq!(error.exit_code(), 3);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(open::FILE_NAME);
    let bytes = b"these bytes are no database at all".repeat(200);
    std::fs::write(&path, &bytes).unwrap();
    let error = refused(&dir).await;
    assert!(matches!(error, StoreError::ReadDatabase { .. }), "{error:?}");
    assert!(error.to_string().contains("move it away"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn a_truncated_file_is_refused_and_kept() {
    let dir = filled().await;
    let path = dir.path().join(open::FILE_NAME);
    let whole = std::fs::metadata(&path).unwrap().len();
    for length in [whole - 1, whole / 2, 4096, 700, 50] {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let error = refused(&dir).await;
        assert!(matches!(error, StoreError::ReadDatabase { .. }), "{length}: {error:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
    }
}

#[tokio::test]
async fn a_damaged_page_is_reported_when_it_is_read() {
    let dir = filled().await;
    let path = dir.path().join(open::FILE_NAME);
    let whole = std::fs::metadata(&path).unwrap().len();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(whole - 4096).unwrap()]).unwrap();
    let error = refused(&dir).await;
    assert!(matches!(error, StoreError::ReadDatabase { .. }), "{error:?}");
}

#[tokio::test]
async fn a_database_of_something_else_is_refused() {
    let dir = filled().await;
    let (mut store, _) = open(&dir, "a").await;
    let rename = sqlx::query("ALTER TABLE owner RENAME TO keeper");
    rename.execute(&mut store.connection).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(refused(&dir).await, StoreError::RefuseDatabase { .. }));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_refused() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStore::open(&file.join("data"), owner()).await.err().unwrap();
    assert!(matches!(error, StoreError::OpenDirectory { .. }));
    assert_eq!(error.exit_code(), 2);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_commit_can_be_tried_again() {
    let dir = TempDir::new().unwrap();
    let (mut store, claims) = open(&dir, "a").await;
    store.commit(&commit_of(&claims[0], 0, candle(1), 1)).await.unwrap();
    let before = dump(&mut store).await;
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut store.connection).await.unwrap();
    let mut commit = full_commit(&claims[0]);
    commit.partitions = vec![progress(&claims[0], 1, 10)];
    commit.states[0].bytes = vec![7; 1_000_000];
    for _ in 0..3 {
        let error = store.commit(&commit).await.unwrap_err();
        assert!(matches!(error, StoreError::FillDisk { .. }), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(dump(&mut store).await, before);
        assert!(!store.was_applied(3, claims[0].token, 1).await.unwrap());
    }
    let more = sqlx::query("PRAGMA max_page_count = 1000000");
    more.execute(&mut store.connection).await.unwrap();
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    assert_eq!(dump(&mut store).await[0], "99 1 1 1 1 1");
}

#[tokio::test]
async fn a_series_that_became_another_is_refused() {
    let dir = filled().await;
    let mut store = SqliteStore::open(dir.path(), owner()).await.unwrap();
    let changed = SeriesInfo { instrument: "BTCUSDC".into(), ..info("BTC", 3) };
    let error = store.register_series(&[info("SOL", 1), changed]).await.unwrap_err();
    assert!(error.to_string().contains("trade of binance BTCUSDT"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM series")
        .fetch_one(&mut store.connection)
        .await
        .unwrap();
    assert_eq!(count, 2);
    let same = SeriesInfo { primary: false, ..info("BTC", 3) };
    assert_eq!(store.register_series(&[same]).await.unwrap(), [1]);
}
