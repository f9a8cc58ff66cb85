//! Callers that go away in the middle.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::ids::Seq;
use flightdeck_domain::ports::{MessageRepository, SessionRepository};
use flightdeck_store_contract::given;

use crate::bench::Bench;

/// `FLIGHTDECK_TEST_HANG_UPS` says how many callers there are.
fn callers() -> u32 {
    std::env::var("FLIGHTDECK_TEST_HANG_UPS").ok().and_then(|number| number.parse().ok()).unwrap_or(1_000)
}

/// Each waits for at most a random number of milliseconds from 0 to 50. Whoever was answered finds its message; the others
/// find theirs or not, but nothing is left half done.
pub(crate) async fn callers_that_hang_up_break_nothing() {
    const SESSIONS: u32 = 16;
    let bench = Bench::new().await;
    for n in 0..SESSIONS {
        bench.store.register(given::registration(1 + n)).await.expect("registered");
    }
    let mut running = Vec::new();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for n in 0..callers() {
        // xorshift: no two runs need to be the same, and no two of a run are.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let patience = Duration::from_micros(random % 50_000);
        let store = Arc::clone(&bench.store);
        running.push(tokio::spawn(async move {
            let session = given::session_id(1 + n % SESSIONS);
            let message = given::said(n + 1, "hello");
            let id = message.id;
            // Every other caller sends something that is one transaction of its own.
            if n.is_multiple_of(5) {
                let _ = tokio::time::timeout(patience, store.heartbeat(session, given::at(2))).await;
                return None;
            }
            let appending = store.append(session, vec![message], given::at(1));
            let answered = tokio::time::timeout(patience, appending).await.ok()?;
            answered.expect("appended");
            Some((session, id))
        }));
        if n.is_multiple_of(50) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let appends = running.len() - running.len().div_ceil(5);
    let mut answered = Vec::new();
    for caller in running {
        answered.extend(caller.await.expect("no panic"));
    }
    // The work of those that hung up is still being done.
    let client = bench.client().await;
    loop {
        let stats = bench.store.stats();
        if stats.waiting == 0 && stats.connections == stats.idle {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let open = "SELECT COUNT(*) FROM pg_stat_activity \
                WHERE application_name = 'flightdeck' AND state LIKE 'idle in transaction%' \
                AND pid IN (SELECT pid FROM pg_locks WHERE relation = 'sessions'::regclass)";
    let open: i64 = client.query_one(open, &[]).await.expect("read").get(0);
    assert_eq!(open, 0, "a transaction was left open");

    let mut there = BTreeSet::new();
    for n in 0..SESSIONS {
        let session = given::session_id(1 + n);
        let slice = MessageRepository::after(&*bench.store, session, Seq::ZERO, 1_000_000).await.expect("read");
        let slice = slice.expect("the session");
        let seqs: Vec<u64> = slice.messages.iter().map(|message| message.seq.get()).collect();
        assert_eq!(seqs, (1..=slice.last_seq.get()).collect::<Vec<_>>(), "dense");
        there.extend(slice.messages.iter().map(|message| (session, message.id)));
    }
    let all_kinds = !answered.is_empty() && answered.len() < appends;
    assert!(all_kinds, "{} of {appends} were answered, which says nothing", answered.len());
    let missing: Vec<_> = answered.iter().filter(|acknowledged| !there.contains(acknowledged)).collect();
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
}
