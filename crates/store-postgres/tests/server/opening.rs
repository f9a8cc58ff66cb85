//! Opening a store.

use std::sync::Arc;

use flightdeck_domain::ports::{Readiness as _, SessionRepository};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{OpenError, Options, PostgresStore};
use tokio::runtime::Handle;

use crate::bench::{Bench, options, server, told};

pub(crate) async fn replicas_that_start_at_once_migrate_once() {
    let place = server().schema().await.expect("a schema");
    let open = || {
        PostgresStore::open(
            place.url(),
            Options { writers: 1, readers: 1, append_shards: 1, ..options() },
            Handle::current(),
        )
    };
    let (a, b, c, d) = tokio::join!(open(), open(), open(), open());
    let stores = [a, b, c, d].map(|store| store.expect("opened"));
    for (turn, store) in stores.iter().enumerate() {
        let registered = store.register(given::registration(1)).await.expect("registered");
        assert_eq!(registered.created, turn == 0);
        store.ready().await.expect("ready");
    }
    let client = place.client().await.expect("connected");
    let applied = client.query("SELECT version FROM __diesel_schema_migrations", &[]).await.expect("read");
    let migrations = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres"));
    assert_eq!(applied.len(), migrations.expect("there").count());
}

pub(crate) async fn a_database_that_is_newer_is_left_alone() {
    let bench = Bench::new().await;
    bench.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')").await;
    let opened = PostgresStore::open(bench.place.url(), options(), Handle::current()).await;
    let error = opened.expect_err("newer");
    assert!(matches!(&error, OpenError::Newer { newest, .. } if newest == "29991231235959"), "{error:?}");
    assert!(error.to_string().contains("made by a newer version"), "{error}");
    // A replica that runs already, during a roll, goes on.
    bench.store.ready().await.expect("ready");
}

pub(crate) async fn a_missing_migration_makes_it_not_ready() {
    let bench = Bench::new().await;
    bench.store.ping().await.expect("it answers");
    bench.store.ready().await.expect("ready");
    bench.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261122000004'").await;
    let error = bench.store.ready().await.expect_err("not ready");
    assert!(told(&error).contains("a migration is not applied: 20261122000004"), "{}", told(&error));
    bench.execute("DROP TABLE __diesel_schema_migrations").await;
    bench.store.ready().await.expect_err("not ready");
    bench.store.ping().await.expect("it still answers");
}

pub(crate) async fn what_cannot_be_reached_is_said_without_the_password() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let url = format!("postgres://somebody:hidden@127.0.0.1:{port}/flight");
    let error = PostgresStore::open(&url, options(), Handle::current()).await.expect_err("nobody there");
    let text = told(&error);
    assert!(text.contains(&format!("127.0.0.1:{port}/flight")) && text.contains("refused"), "{text}");
    assert!(!text.contains("hidden") && !format!("{error:?}").contains("hidden"), "{text}");
}

/// Whether the server of the tests can encrypt or not, `require` and `verify-full` mean it.
pub(crate) async fn what_is_to_be_encrypted_is_never_sent_plainly() {
    let place = server().schema().await.expect("a schema");
    let client = place.client().await.expect("connected");
    let encrypts: String = client.query_one("SHOW ssl", &[]).await.expect("read").get(0);
    let open = async |mode: &str| {
        let url = format!("{}&sslmode={mode}", place.url());
        PostgresStore::open(&url, options(), Handle::current()).await
    };
    let required = open("require").await;
    if encrypts == "on" {
        let store = required.expect("opened");
        store.ping().await.expect("it answers");
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'flightdeck' AND ssl";
        assert_eq!(client.query_one(sql, &[]).await.expect("read").get::<_, Option<bool>>(0), Some(true));
    } else {
        assert!(told(&required.expect_err("it cannot")).contains("TLS"), "and says why");
    }
    // Nobody of public trust has signed for a server of tests.
    let error = open("verify-full").await.expect_err("it cannot be who it says");
    assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
}

pub(crate) async fn it_works_on_a_runtime_of_one_thread() {
    let place = server().schema().await.expect("a schema");
    let url = place.url().to_owned();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let store = PostgresStore::open(&url, options(), Handle::current()).await.expect("opened");
            store.register(given::registration(1)).await.expect("registered").created
        })
    });
    assert!(thread.join().expect("no panic"));
}

/// As a worker of the server would: its runtime ends, and the connections that were opened for it live on.
pub(crate) async fn a_caller_of_another_runtime_takes_no_connection_with_it() {
    let place = server().database().await.expect("a database");
    let bench = Bench::over(place, Options { writers: 1, readers: 1, append_shards: 1, ..options() }).await;
    let store = Arc::clone(&bench.store);
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            // Nothing of tokio is enabled on it: whatever needed a socket or a clock there would panic.
            store.register(given::registration(1)).await.expect("registered");
            store.get(given::session_id(1)).await.expect("read").expect("there");
        });
    });
    worker.join().expect("no panic");
    let client = bench.client().await;
    let before: Vec<i32> = pids(&client).await;
    bench.store.get(given::session_id(1)).await.expect("read").expect("there");
    assert!(!before.is_empty());
    assert_eq!(pids(&client).await, before, "the same connections go on");
}

/// The connections of the store, which has a database of its own.
async fn pids(client: &tokio_postgres::Client) -> Vec<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'flightdeck' \
               AND datname = current_database() ORDER BY pid";
    client.query(sql, &[]).await.expect("read").iter().map(|row| row.get(0)).collect()
}

/// Two deployments in two schemas of one database: one holds its tree lock, the other goes on.
pub(crate) async fn two_deployments_share_a_database_and_not_a_lock() {
    let (one, two) = (Bench::new().await, Bench::new().await);
    let holder = one.client().await;
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(7600, 'fleet_state'::regclass::oid::integer)";
    holder.batch_execute(lock).await.expect("locked");
    two.store.register(given::registration(1)).await.expect("registered");
    let store = Arc::clone(&one.store);
    let held = tokio::spawn(async move { store.register(given::registration(1)).await });
    let waits = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                 AND objid = 'fleet_state'::regclass::oid";
    loop {
        let waiting: i64 = holder.query_one(waits, &[]).await.expect("read").get(0);
        if waiting == 1 {
            break;
        }
    }
    holder.batch_execute("COMMIT").await.expect("let go");
    held.await.expect("no panic").expect("registered");
}
