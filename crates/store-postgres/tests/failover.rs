//! What was the primary is so no longer: its connections are given up, and the primary is looked for among all hosts.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

mod bench;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flightdeck_domain::ports::{Hindrance, MessageRepository, Readiness, SessionRepository};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{OpenError, Options, PostgresStore};
use flightdeck_test_servers::postgres::{Pair, Private};
use flightdeck_test_servers::trial_with;
use tokio::runtime::{Handle, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::bench::{options, told};

fn main() {
    let trials = vec![
        trial_with("the_host_that_allows_writes_is_found", Pair::start, the_host_that_allows_writes_is_found),
        trial_with("nobody_keeps_a_connection_that_refuses_writes", Private::start, |server| {
            nobody_keeps_a_connection(&server);
        }),
        trial_with("readiness_says_that_no_host_allows_writes", Pair::start, readiness_says_that_no_host_allows_writes),
        trial_with("a_host_that_hangs_holds_up_one_connection", Private::start, |server| {
            a_host_that_hangs_holds_up_one(&server);
        }),
    ];
    bench::main(trials, &libtest_mimic::Arguments::from_args());
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(url, options(), Handle::current()).await
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it answers");
    tokio::spawn(connection);
    client
}

/// `127.0.0.1:5432` of `postgres://postgres@127.0.0.1:5432/postgres`.
fn place(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("a user");
    rest.split_once('/').expect("a database").0
}

fn the_host_that_allows_writes_is_found(mut pair: Pair) {
    let runtime = runtime();
    let standby_first =
        |pair: &Pair| format!("postgres://postgres@{},{}/postgres", place(&pair.standby()), place(&pair.primary()));
    let url = standby_first(&pair);
    let store = runtime.block_on(async {
        let store = open(&url).await.expect("opened at the second host");
        store.register(given::registration(1)).await.expect("registered");
        // Alone, what cannot be written is of no use.
        let alone = format!("{}?target_session_attrs=read-write", pair.standby());
        let error = open(&alone).await.expect_err("a standby");
        assert!(told(&error).contains("does not allow writes"), "{}", told(&error));
        store
    });
    // What was the standby is the primary, and the other way round.
    pair.kill_primary();
    pair.promote().expect("promoted");
    pair.rebuild().expect("it follows");
    runtime.block_on(async {
        store.register(given::registration(2)).await.expect("registered at the other one");
        store.get(given::session_id(1)).await.expect("read").expect("what was acknowledged is there");
    });
}

/// The sessions that are open refuse writes from now on, and those that are opened later allow them. The client is older
/// than they are, and hears of it after them.
async fn forbid(client: &Client) {
    for statement in [
        "ALTER DATABASE postgres SET default_transaction_read_only = off",
        "ALTER SYSTEM SET default_transaction_read_only = on",
        "SELECT pg_reload_conf()",
    ] {
        client.simple_query(statement).await.expect("done");
    }
    let told =
        async || -> String { client.query_one("SHOW default_transaction_read_only", &[]).await.expect("read").get(0) };
    while told().await != "on" {
        tokio::task::yield_now().await;
    }
}

/// What the stores have open.
async fn pids(client: &Client) -> Vec<i32> {
    let sql = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'flightdeck'";
    client.query_one(sql, &[]).await.expect("read").get::<_, Option<Vec<i32>>>(0).unwrap_or_default()
}

/// A store with several connections, of which one has appended before.
async fn warm(url: &str, number: u32) -> Arc<PostgresStore> {
    let store = Arc::new(open(url).await.expect("opened"));
    let id = given::session_id(number);
    store.register(given::registration(number)).await.expect("registered");
    for message in 1..=2 {
        store.append(id, vec![given::said(message, "hello")], given::at(1)).await.expect("appended");
    }
    // Readers at the same time need a connection each.
    patiently(async {
        while store.stats().connections < 3 {
            let reads = (0..30).map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.get(id).await })
            });
            for read in reads.collect::<Vec<_>>() {
                read.await.expect("no panic").expect("read");
            }
        }
    })
    .await;
    store
}

fn nobody_keeps_a_connection(server: &Private) {
    runtime().block_on(async {
        let (url, outside) = (server.url(), client(&server.url()).await);
        let (asked, writes, appends) = (warm(&url, 1).await, warm(&url, 2).await, warm(&url, 3).await);
        let before = pids(&outside).await;
        forbid(&outside).await;

        let error = asked.ready().await.expect_err("a write is refused");
        assert_eq!(error.hindrance(), Hindrance::ReadOnly, "{}", told(&error));
        asked.ready().await.expect("ready, over a new connection");
        // What was refused in a group is tried again, and no old connection is to be had by then.
        writes.register(given::registration(4)).await.expect("registered");
        let batch = vec![given::said(3, "hello")];
        appends.append(given::session_id(3), batch, given::at(3)).await.expect("appended");
        // The readers, too: a standby would show them what is old.
        for store in [&asked, &writes, &appends] {
            store.get(given::session_id(4)).await.expect("read").expect("there");
        }
        patiently(async {
            while pids(&outside).await.iter().any(|pid| before.contains(pid)) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    });
}

/// What would take for ever if it were wrong.
async fn patiently<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work).await.expect("an end")
}

fn readiness_says_that_no_host_allows_writes(mut pair: Pair) {
    let runtime = runtime();
    let store = runtime.block_on(async {
        // Who asks hears of it long before a caller gives up its place in line.
        let options = Options { acquire_timeout: Duration::from_hours(1), ..options() };
        let store = PostgresStore::open(pair.url(), options, Handle::current()).await.expect("opened");
        store.ready().await.expect("ready");
        store
    });
    pair.kill_primary();
    runtime.block_on(async {
        // The first to ask may hear that the connection broke.
        let error = patiently(async {
            loop {
                let error = store.ready().await.expect_err("the standby is one");
                if error.hindrance() == Hindrance::ReadOnly {
                    return error;
                }
            }
        })
        .await;
        let (primary, standby) = (pair.primary(), pair.standby());
        let text = told(&error);
        assert!(text.contains(place(&primary)) && text.contains(place(&standby)), "both hosts are named: {text}");
    });
    pair.promote().expect("promoted");
    pair.rebuild().expect("it follows");
    runtime.block_on(store.ready()).expect("ready");
}

/// Something takes connections there, and says nothing.
fn a_host_that_hangs_holds_up_one(server: &Private) {
    let hanging = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = hanging.local_addr().expect("its address");
    let came: &'static AtomicUsize = Box::leak(Box::default());
    // What is accepted is kept open until the test ends.
    std::thread::spawn(move || {
        hanging.incoming().inspect(|_| _ = came.fetch_add(1, Ordering::SeqCst)).collect::<Vec<_>>()
    });
    let url = format!("postgres://postgres@{address},{}/postgres?connect_timeout=1", place(&server.url()));
    runtime().block_on(async {
        let store = patiently(open(&url)).await.expect("opened at the second host");
        store.register(given::registration(1)).await.expect("registered");
        store.get(given::session_id(1)).await.expect("read").expect("there");
        store.append(given::session_id(1), vec![given::said(1, "hello")], given::at(1)).await.expect("appended");
        assert_eq!(store.stats().connections, 1, "with the one that looked after the tables there were two");
    });
    assert_eq!(came.load(Ordering::SeqCst), 1, "the host that was the right one is tried first");
}
