//! Locks, lost connections and limits.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::action::{Intervention, OperatorAction};
use flightdeck_domain::ports::{MessageRepository, OperatorActions, SessionRepository};
use flightdeck_domain::session::DesiredStatus;
use flightdeck_store_contract::given;
use flightdeck_store_postgres::Options;
use tokio_postgres::Client;

use crate::bench::{Bench, options, server, told};

fn pause() -> OperatorAction {
    OperatorAction {
        session_id: given::session_id(1),
        intervention: Intervention::Pause,
        operation: None,
        able: None,
        by: given::by(1, 2),
    }
}

/// How many of the store's connections wait for a lock.
async fn waiting(client: &Client) -> i64 {
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = 'flightdeck' AND wait_event_type = 'Lock'";
    client.query_one(sql, &[]).await.expect("read").get(0)
}

/// Somebody outside takes locks against their order, and PostgreSQL chooses the store's transaction to be broken off.
pub(crate) async fn a_deadlock_is_tried_again() {
    let place = server().database().await.expect("a database");
    let settings = place.client().await.expect("connected");
    // The one that waits for less long looks for a circle first, finds it, and is broken off.
    let name: String = settings.query_one("SELECT current_database()", &[]).await.expect("read").get(0);
    settings.batch_execute(&format!("ALTER DATABASE {name} SET deadlock_timeout = '3s'")).await.expect("set");
    let bench = Bench::over(place, options()).await;
    bench.store.register(given::registration(1)).await.expect("registered");
    let (outside, look) = (bench.client().await, bench.client().await);
    outside
        .batch_execute("SET deadlock_timeout = '1h'; BEGIN; SELECT * FROM audit_head FOR UPDATE")
        .await
        .expect("held");
    let store = Arc::clone(&bench.store);
    let paused = tokio::spawn(async move { OperatorActions::commit(&*store, pause()).await });
    // It has the session's lock by then, and waits for the audit log's.
    while waiting(&look).await == 0 {
        tokio::task::yield_now().await;
    }
    outside.batch_execute("SELECT * FROM sessions FOR UPDATE").await.expect("the other one was broken off");
    outside.batch_execute("COMMIT").await.expect("let go");
    let done = paused.await.expect("no panic").expect("done at the second attempt");
    assert_eq!(
        (done.session.desired_status, done.audit_seq),
        (DesiredStatus::Paused, Some(flightdeck_domain::ids::AuditSeq::new(1)))
    );
}

pub(crate) async fn connections_that_the_server_ended_are_replaced() {
    let place = server().database().await.expect("a database");
    let bench = Bench::over(place, options()).await;
    bench.store.register(given::registration(1)).await.expect("registered");
    let client = bench.client().await;
    for round in 0..5_u32 {
        // As many connections as there can be are open by then.
        let reads: Vec<_> = (0..30)
            .map(|_| {
                let store = Arc::clone(&bench.store);
                tokio::spawn(async move { store.get(given::session_id(1)).await })
            })
            .collect();
        for read in reads {
            read.await.expect("no panic").expect("read");
        }
        let ended = "SELECT array_agg(pid) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'flightdeck'";
        let ended: Vec<i32> = client.query_one(ended, &[]).await.expect("ended").get(0);
        assert!(!ended.is_empty());
        // They end some time after they were told to; the pool may have opened others by then.
        let left = "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = ANY($1)";
        while client.query_one(left, &[&ended]).await.expect("read").get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
        bench.store.get(given::session_id(1)).await.expect("a read goes through").expect("there");
        bench.store.register(given::registration(10 + round)).await.expect("a write goes through");
        let batch = vec![given::said(round + 1, "hello")];
        bench.store.append(given::session_id(1), batch, given::at(1)).await.expect("an append goes through");
    }
}

pub(crate) async fn a_statement_that_takes_too_long_fails_and_leaves_nothing() {
    let bench = Bench::with(Options { statement_timeout: Duration::from_millis(200), ..options() }).await;
    bench.store.register(given::registration(1)).await.expect("registered");
    let holder = bench.client().await;
    holder.batch_execute("BEGIN; SELECT * FROM sessions FOR UPDATE").await.expect("held");
    let error = bench.store.heartbeat(given::session_id(1), given::at(9)).await.expect_err("nobody waits for ever");
    assert!(told(&error).contains("statement timeout"), "{}", told(&error));
    holder.batch_execute("COMMIT").await.expect("let go");
    bench.store.heartbeat(given::session_id(1), given::at(9)).await.expect("heard").expect("there");
    let stats = bench.store.stats();
    assert_eq!(stats.connections, stats.idle, "every connection is back");
}

pub(crate) async fn the_limits_are_in_force() {
    for prepared_statements in [true, false] {
        let limits = Options {
            statement_timeout: Duration::from_millis(12_345),
            idle_in_transaction_timeout: Duration::from_millis(23_456),
            prepared_statements,
            ..options()
        };
        let bench = Bench::with(limits).await;
        // What is in force inside of a transaction of the store is kept by a trigger.
        bench
            .execute(
                "CREATE TABLE seen (name TEXT, value TEXT); \
                 CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO seen SELECT name, current_setting(name) FROM unnest(ARRAY['statement_timeout', \
                 'idle_in_transaction_session_timeout', 'transaction_isolation']) AS name; RETURN NULL; END $$; \
                 CREATE TRIGGER look AFTER INSERT ON sessions FOR EACH STATEMENT EXECUTE FUNCTION look()",
            )
            .await;
        bench.store.register(given::registration(1)).await.expect("registered");
        let rows = bench.client().await.query("SELECT value FROM seen ORDER BY name", &[]).await.expect("read");
        let values: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(values, ["23456ms", "12345ms", "read committed"]);
    }
}
