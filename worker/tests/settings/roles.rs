use e2e::servers;

use crate::work::Work;

fn work(name: &str) -> Work {
    let kafka = servers::kafka();
    let lines = format!("    bootstrapServers: \"{}\"\n", kafka.bootstrap());
    let mut work = Work::new(name, kafka, &lines);
    work.set("REDIS_URL", servers::redis().url());
    work
}

#[test]
fn an_aggregator_works_as_the_writer_and_the_reader_may_write_nothing() {
    let mut work = work("roles");
    let schema = work.pipeline.schema();
    let (writer, reader) = (format!("{schema}_writer"), format!("{schema}_reader"));
    let owner = format!("{schema}_owner");
    for role in [&owner, &writer, &reader] {
        work.psql(&format!("CREATE ROLE {role} LOGIN"));
    }
    work.psql(&format!("GRANT CREATE ON DATABASE \"{}\" TO {owner}", work.pipeline.prefix()));
    work.set("DATABASE_URL", work.database_url(&owner));
    work.set("DATABASE_WRITER_URL", work.database_url(&writer));
    work.set("DATABASE_READER_URL", work.database_url(&reader));
    work.done(&["migrate"]);
    work.done(&["migrate"]);
    assert_eq!(work.psql("SELECT tableowner FROM pg_tables WHERE tablename = 'candle'"), owner);

    work.set("DATABASE_URL", work.database_url(&writer));
    work.done(&["produce", "--until-end"]);
    let aggregator = work.spawn(&["aggregate"], "aggregator");
    work.check(&[&aggregator]);
    aggregator.stop();

    let tables = "owner series series_state partition candle tick alert gap feed remembered";
    for table in tables.split(' ') {
        let may = |role: &str, what: &str| {
            work.psql(&format!("SELECT has_table_privilege('{role}', '{table}', '{what}')")) == "t"
        };
        assert!(may(&reader, "SELECT") && may(&writer, "SELECT"), "{table}");
        for what in ["INSERT", "UPDATE", "DELETE", "TRUNCATE"] {
            assert!(!may(&reader, what), "{what} {table}");
        }
        assert!(!may(&writer, "DELETE") && !may(&writer, "TRUNCATE"), "{table}");
        assert_eq!(may(&writer, "INSERT"), table != "owner", "{table}");
    }
    // As the reader an aggregator is refused, and says so.
    work.set("DATABASE_URL", work.database_url(&reader));
    let (code, said) = work.run(&["aggregate"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("permission denied"), "{said}");
    // The owner alone drops, and retains.
    work.set("DATABASE_URL", work.database_url(&owner));
    work.done(&["retain"]);
    work.done(&["drop"]);
    assert_eq!(
        work.psql(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'")),
        "0"
    );
    for role in [&writer, &reader] {
        work.psql(&format!("DROP ROLE {role}"));
    }
}

#[test]
fn a_role_that_does_not_exist_is_one_sentence_and_wrong_settings() {
    let mut work = work("norole");
    work.set("DATABASE_URL", work.database_url("postgres"));
    work.set("DATABASE_READER_URL", work.database_url("nobody_at_all"));
    let (code, said) = work.run(&["migrate"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.ends_with(
            "error: role \"nobody_at_all\" does not exist; make it, as `worker migrate` makes no \
             roles\n"
        ),
        "{said}"
    );
}

#[test]
fn what_is_missing_is_one_sentence_and_wrong_settings() {
    let mut work = Work::new("missing", servers::kafka(), "");
    let expect = |work: &Work, sentence: &str| {
        let (code, said) = work.run(&["migrate"]);
        assert_eq!((code, said.as_str()), (Some(2), sentence));
    };
    expect(
        &work,
        "error: no Kafka: set spec.kafka.bootstrapServers in the file, or KAFKA_BOOTSTRAP_SERVERS\n",
    );
    work.set("KAFKA_BOOTSTRAP_SERVERS", servers::kafka().bootstrap());
    expect(
        &work,
        "error: no database: set DATABASE_URL, such as postgres://user@host:5432/database\n",
    );
    // With nothing said of the topics they are for three brokers.
    work.set("DATABASE_URL", work.database_url("postgres"));
    let (code, said) = work.run(&["migrate"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("with 3 replicas; check spec.kafka.topic.replicationFactor"), "{said}");
}
