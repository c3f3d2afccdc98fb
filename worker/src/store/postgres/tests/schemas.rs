use sqlx::ConnectOptions as _;

use super::*;

#[tokio::test]
async fn migrations_may_run_again_and_two_at_once() {
    let target = target();
    let options = migration(&target);
    let (first, second) = tokio::join!(migrate(&options, NOW_MS), migrate(&options, NOW_MS));
    first.unwrap();
    second.unwrap();
    let applied = "SELECT version, installed_on FROM _sqlx_migrations ORDER BY 1";
    let before = query(&target, applied).await;
    assert_eq!(before.len(), 2);
    migrate(&options, NOW_MS).await.unwrap();
    assert_eq!(query(&target, applied).await, before);
    let public = "SELECT count(*) FROM pg_class WHERE relname IN ('_sqlx_migrations', 'candle') \
         AND relnamespace = to_regnamespace('public')";
    assert_eq!(query(&target, public).await, ["(0)"]);
}

#[tokio::test]
async fn pipelines_of_one_database_migrate_at_once() {
    let targets: Vec<_> = (0..4).map(|_| target()).collect();
    let options: Vec<_> = targets.iter().map(migration).collect();
    let migrations = options.iter().map(|options| migrate(options, NOW_MS));
    for migrated in futures::future::join_all(migrations).await {
        migrated.unwrap();
    }
    for target in &targets {
        PostgresStore::connect(target.clone()).await.unwrap().close().await;
    }
}

#[tokio::test]
async fn tables_that_are_not_there_are_waited_for() {
    let target = target();
    let error = PostgresStore::connect(target.clone()).await.err().unwrap();
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!("schema \"{}\" is not migrated yet; run `worker migrate`", target.schema)
    );
    migrate(&migration(&target), NOW_MS).await.unwrap();
    execute(&target, "DELETE FROM _sqlx_migrations WHERE version > 1").await;
    let error = PostgresStore::connect(target).await.err().unwrap();
    assert!(error.is_retryable());
}

#[tokio::test]
async fn the_schema_of_another_pipeline_is_refused_and_left_as_it_is() {
    let (target, mut store, claims) = open().await;
    applied(&mut store, &full_commit(&claims[0].claim)).await;
    let before = dump(&target).await;
    let prefix = target.owner.prefix.clone();
    let others = [
        PostgresOptions { namespace: String::new(), ..target.clone() },
        PostgresOptions { owner: Owner { prefix, name: "b".into() }, ..target.clone() },
        PostgresOptions {
            owner: Owner { prefix: "b".into(), name: "crypto".into() },
            ..target.clone()
        },
    ];
    for other in others {
        let errors = [
            PostgresStore::connect(other.clone()).await.err().unwrap(),
            migrate(&migration(&other), NOW_MS).await.unwrap_err(),
            crate::migrate::retain(&other, Retention::default(), NOW_MS).await.unwrap_err(),
            drop_all(&other).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("holds the data of pipeline \"market/crypto"));
            assert_eq!((error.exit_code(), error.is_retryable()), (2, false), "{error}");
        }
    }
    assert_eq!(dump(&target).await, before);
}

#[tokio::test]
async fn a_schema_of_something_else_is_refused_and_an_empty_one_taken() {
    let target = target();
    let schema = &target.schema;
    execute(&target, &format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.owner (id int)"))
        .await;
    let error = migrate(&migration(&target), NOW_MS).await.unwrap_err();
    assert_eq!((error.exit_code(), error.is_retryable()), (2, false), "{error}");
    execute(&target, &format!("DROP TABLE {schema}.owner")).await;
    migrate(&migration(&target), NOW_MS).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for newer in [
        "UPDATE owner SET schema_version = 99",
        "INSERT INTO _sqlx_migrations VALUES (99, 'later', now(), true, '', 0)",
    ] {
        let (target, _, _) = open().await;
        execute(&target, newer).await;
        let error = migrate(&migration(&target), NOW_MS).await.unwrap_err();
        assert_eq!((error.exit_code(), error.is_retryable()), (3, false), "{error}");
        // A worker lives with migrations that it does not know, not with another meaning.
        let connected = PostgresStore::connect(target).await;
        match newer.starts_with("UPDATE") {
            true => assert_eq!(connected.err().unwrap().exit_code(), 3),
            false => assert!(connected.is_ok()),
        }
    }
}

#[tokio::test]
async fn names_that_are_no_schema_of_ours_are_refused() {
    let long = "a".repeat(64);
    for schema in ["public", "pg_temp", "information_schema", "", "1a", "A", "a;b", "_a", &long] {
        let target = PostgresOptions { schema: schema.into(), ..target() };
        let error = migrate(&migration(&target), NOW_MS).await.unwrap_err();
        assert_eq!((error.exit_code(), error.is_retryable()), (2, false), "{error}");
    }
}

fn with_user(url: &str, user: &str) -> String {
    let mut url = sqlx::postgres::PgConnectOptions::to_url_lossy(&url.parse().unwrap());
    url.set_username(user).unwrap();
    url.to_string()
}

#[tokio::test]
async fn writer_and_reader_may_do_what_they_have_to_and_no_more() {
    let target = target();
    let (writer, reader) = (format!("{}_w", target.schema), format!("{}_r", target.schema));
    let options = MigrateOptions {
        writer_url: Some(with_user(&target.url, &writer)),
        reader_url: Some(with_user(&target.url, &reader)),
        ..migration(&target)
    };
    let error = migrate(&options, NOW_MS).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("role \"{writer}\" does not exist; make it, as `worker migrate` makes no roles")
    );
    assert_eq!(error.exit_code(), 2);
    execute(&target, &format!("CREATE ROLE {writer} LOGIN; CREATE ROLE {reader} LOGIN")).await;
    migrate(&options, NOW_MS).await.unwrap();

    let as_writer = PostgresOptions { url: options.writer_url.clone().unwrap(), ..target.clone() };
    let mut store = connect(&as_writer).await;
    let claims = store.claim("crypto-prices", &[3], "a").await.unwrap();
    let commit = Commit { ticks: vec![tick(1)], ..full_commit(&claims[0].claim) };
    assert_eq!(store.commit(&commit).await.unwrap(), CommitOutcome::Applied);
    store.remember_once("a", "b").await.unwrap();

    let as_reader = PostgresOptions { url: options.reader_url.clone().unwrap(), ..target.clone() };
    for view in ["candle", "v_latest_prices", "processing_metadata", "partition"] {
        query(&as_reader, &format!("SELECT count(*) FROM {view}")).await;
    }
    let mut store = PostgresStore::connect(as_reader.clone()).await.unwrap();
    let error = store.remember_once("b", "c").await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    for (as_role, sql) in [
        (&as_reader, "DELETE FROM candle"),
        (&as_writer, "DELETE FROM candle"),
        (&as_writer, "UPDATE owner SET name = 'x'"),
        (&as_writer, "DROP TABLE candle"),
    ] {
        let mut connection = open::connect(as_role, limits()).await.unwrap();
        let error = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err();
        assert_eq!(error::code_of(&error).unwrap(), "42501", "{sql}");
    }
    assert!(drop_all(&target).await.unwrap());
    execute(&target, &format!("DROP ROLE {writer}; DROP ROLE {reader}")).await;
}

#[tokio::test]
async fn dropping_takes_our_schema_and_nothing_else() {
    let (target, mut store, claims) = open().await;
    let (other, mut others_store, others) = open().await;
    applied(&mut store, &full_commit(&claims[0].claim)).await;
    applied(&mut others_store, &full_commit(&others[0].claim)).await;
    let before = dump(&other).await;

    // What others made of our tables, or put beside them, keeps all of it.
    let schema = &target.schema;
    for (make, unmake) in [
        ("CREATE VIEW %.mine AS SELECT * FROM ours.candle", "DROP VIEW %.mine"),
        ("CREATE TABLE ours.mine ()", "DROP TABLE ours.mine"),
    ] {
        let sql =
            |sql: &str| sql.replace("ours.", &format!("{schema}.")).replace('%', &other.schema);
        execute(&target, &sql(make)).await;
        let kept = dump(&target).await;
        let error = drop_all(&target).await.unwrap_err();
        assert!(error.to_string().contains("is kept, nothing was dropped"), "{error}");
        assert_eq!(dump(&target).await, kept);
        execute(&target, &sql(unmake)).await;
    }
    assert!(drop_all(&target).await.unwrap());
    assert!(!drop_all(&target).await.unwrap());
    let left = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'");
    assert_eq!(query(&target, &left).await, ["(0)"]);
    assert_eq!(dump(&other).await, before);
}

#[tokio::test]
async fn no_text_of_an_error_holds_the_password() {
    let secret = "correct-horse";
    for url in [
        format!("postgres://u:{secret}@127.0.0.1:1/db"),
        format!("postgres://u:{secret}@127.0.0.1:99999/db"),
        format!("postgres://u:{secret}@[::1/db?sslmode=nonsense"),
        format!("postgres://u:{secret}@127.0.0.1:1/db?sslmode=nonsense"),
        format!("not a url {secret}"),
    ] {
        let target = PostgresOptions { url, ..target() };
        assert!(!format!("{target:?}").contains(secret));
        let error = PostgresStore::connect(target).await.err().unwrap();
        let mut texts = vec![format!("{error:?}")];
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        assert!(!texts.join("\n").contains(secret), "{texts:?}");
        assert_eq!(error.is_retryable(), error.exit_code() == 1, "{error:?}");
    }
}
