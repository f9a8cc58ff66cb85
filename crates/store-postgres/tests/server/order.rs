//! Places of the feed and the order of commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flightdeck_domain::ids::FeedPosition;
use flightdeck_domain::ports::{FleetFeed, SessionRepository};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::PostgresStore;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::bench::Bench;

const WRITERS: u32 = 6;
const EACH: u32 = 15;

/// Every transaction that writes to the table stops for a moment between taking its place and committing.
async fn stall(client: &Client, table: &str) {
    let sql = format!(
        "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(random() * 0.01); RETURN NULL; END $$; \
         CREATE TRIGGER stall AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION stall()"
    );
    client.batch_execute(&sql).await.expect("made");
}

fn writers(store: &Arc<PostgresStore>) -> Vec<JoinHandle<()>> {
    let writer = |writer: u32| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            for n in 0..EACH {
                store.register(given::registration(1 + writer * EACH + n)).await.expect("registered");
            }
        })
    };
    (0..WRITERS).map(writer).collect()
}

pub(crate) async fn no_reader_misses_an_event_of_a_stalled_writer() {
    let bench = Bench::new().await;
    stall(&bench.client().await, "feed_events").await;
    let writers = writers(&bench.store);
    let mut seen = Vec::new();
    loop {
        // Looked at before the read: what was written by then, the read has to show.
        let finished = writers.iter().all(JoinHandle::is_finished);
        let place = seen.last().copied().unwrap_or(FeedPosition::ZERO);
        let page = FleetFeed::after(&*bench.store, place, 100).await.expect("read");
        if finished && page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|event| event.position));
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    let all = u64::from(WRITERS * EACH);
    assert_eq!(seen, (1..=all).map(FeedPosition::new).collect::<Vec<_>>(), "dense, in order, and none missed");
}

/// The test of the test above: with places from a sequence the same reader misses events.
pub(crate) async fn a_sequence_does_miss_events_of_a_stalled_writer() {
    let bench = Bench::new().await;
    let client = bench.client().await;
    client.batch_execute("CREATE TABLE scratch (position BIGSERIAL PRIMARY KEY)").await.expect("made");
    stall(&client, "scratch").await;
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (client, done) = (bench.client().await, Arc::clone(&done));
        writers.push(tokio::spawn(async move {
            // They write until the reader has missed something: how long that takes is not the test's business.
            while !done.load(Ordering::Relaxed) {
                client.batch_execute("INSERT INTO scratch DEFAULT VALUES").await.expect("written");
            }
        }));
    }
    let (mut place, mut seen) = (0_i64, 0_i64);
    loop {
        let sql = "SELECT position FROM scratch WHERE position > $1 ORDER BY position";
        for row in client.query(sql, &[&place]).await.expect("read") {
            (place, seen) = (row.get(0), seen + 1);
        }
        let there: i64 = {
            let row = client.query_one("SELECT COUNT(*) FROM scratch WHERE position <= $1", &[&place]).await;
            row.expect("counted").get(0)
        };
        // Rows that are there now, at or before the cursor, and were not when the cursor passed them.
        if there > seen {
            break;
        }
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no panic");
    }
}

pub(crate) async fn places_have_no_gaps_after_a_rollback() {
    let bench = Bench::new().await;
    bench.store.register(given::registration(1)).await.expect("registered");
    bench
        .execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$; \
             CREATE TRIGGER broken AFTER INSERT ON feed_events FOR EACH ROW EXECUTE FUNCTION broken()",
        )
        .await;
    bench.store.register(given::registration(2)).await.expect_err("broken");
    bench.execute("DROP TRIGGER broken ON feed_events").await;
    bench.store.register(given::registration(3)).await.expect("registered");
    let events = FleetFeed::after(&*bench.store, FeedPosition::ZERO, 10).await.expect("read");
    let told: Vec<_> = events.iter().map(|event| (event.position.get(), event.session_id)).collect();
    assert_eq!(told, [(1, Some(given::session_id(1))), (2, Some(given::session_id(3)))]);
    assert_eq!(FleetFeed::head(&*bench.store).await.expect("read"), FeedPosition::new(2));
}
