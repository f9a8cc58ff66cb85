//! A standby is read while it is near enough to its primary, and only then.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

mod bench;

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ids::{AuditSeq, Seq};
use flightdeck_domain::ports::{CopyState, EpochRepository, MessageRepository, ReadCopy, SessionRepository};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{PostgresStandbys, PostgresStore};
use flightdeck_test_servers::postgres::{Pair, Private};
use flightdeck_test_servers::{NoServer, trial_with};
use tokio::runtime::{Handle, Runtime};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::bench::options;

const BOUND: Duration = Duration::from_secs(3);

fn main() {
    let trials = vec![
        trial_with("a_standby_is_read_until_it_is_too_far_behind", Pair::start, |pair| too_far_behind(&pair)),
        trial_with("a_standby_that_is_gone_is_not_read", Pair::start, gone),
        trial_with("a_standby_that_takes_writes_is_none", Pair::start, promoted),
        trial_with("a_standby_of_another_history_is_not_read", another, |servers| another_history(&servers)),
    ];
    bench::main(trials, &libtest_mimic::Arguments::from_args());
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it answers");
    tokio::spawn(connection);
    client
}

async fn execute(url: &str, sql: &str) {
    client(url).await.batch_execute(sql).await.expect(sql);
}

async fn store(url: &str) -> Arc<PostgresStore> {
    let store = PostgresStore::open(url, options(), Handle::current()).await.expect("opened");
    store.register(given::registration(1)).await.expect("registered");
    Arc::new(store)
}

async fn standbys(primary: &Arc<PostgresStore>, url: &str) -> PostgresStandbys {
    PostgresStandbys::open(primary, url, BOUND, options(), Handle::current()).await.expect("opened")
}

async fn append(store: &PostgresStore, number: u32) {
    let batch = vec![given::said(number, "hello")];
    store.append(given::session_id(1), batch, given::at(1)).await.expect("appended");
}

/// Looks until the copy is so.
async fn until(copy: &PostgresStandbys, state: CopyState) {
    let looking = async {
        while copy.state() != state {
            copy.look().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), looking).await.unwrap_or_else(|_| panic!("{:?}", copy.state()));
}

/// The seqs of the first page; `None` when no standby is read.
async fn seqs(copy: &PostgresStandbys) -> Option<Vec<u64>> {
    let page = copy.messages_after(given::session_id(1), Seq::ZERO, 10).await?;
    Some(page.messages.iter().map(|message| message.seq.get()).collect())
}

fn too_far_behind(pair: &Pair) {
    runtime().block_on(async {
        let store = store(&pair.primary()).await;
        let two = format!("{}?target_session_attrs=prefer-standby", pair.standby());
        let copy = standbys(&store, &two).await;
        assert_eq!((copy.state(), seqs(&copy).await), (CopyState::Away, None), "before the first look");
        append(&store, 1).await;
        until(&copy, CopyState::Read).await;
        while seqs(&copy).await != Some(vec![1]) {
            copy.look().await;
        }
        let (session, before) = (given::session_id(1), Seq::new(2));
        let page = copy.messages_before(session, before, 10).await.expect("read");
        assert_eq!((page.messages.len(), page.last_seq.get()), (1, 1));
        assert!(copy.audit_entries(AuditSeq::ZERO, 10).await.is_some());
        // An idle primary is no reason: its standby has all there is.
        tokio::time::sleep(BOUND + Duration::from_millis(500)).await;
        assert_eq!(copy.state(), CopyState::Behind, "nobody looked");
        copy.look().await;
        assert_eq!(copy.state(), CopyState::Read);

        execute(&pair.standby(), "SELECT pg_wal_replay_pause()").await;
        append(&store, 2).await;
        copy.look().await;
        assert_eq!((copy.state(), seqs(&copy).await), (CopyState::Read, Some(vec![1])), "behind, and not too far");
        until(&copy, CopyState::Behind).await;
        assert_eq!(seqs(&copy).await, None);
        execute(&pair.standby(), "SELECT pg_wal_replay_resume()").await;
        until(&copy, CopyState::Read).await;
        assert_eq!(seqs(&copy).await, Some(vec![1, 2]));
    });
}

fn gone(mut pair: Pair) {
    let (runtime, standby) = (runtime(), pair.standby());
    let (store, copy) = runtime.block_on(async {
        let store = store(&pair.primary()).await;
        let copy = standbys(&store, &standby).await;
        until(&copy, CopyState::Read).await;
        assert_eq!(seqs(&copy).await, Some(vec![]));
        (store, copy)
    });
    pair.kill_standby();
    runtime.block_on(async {
        assert_eq!(
            (seqs(&copy).await, copy.state()),
            (None, CopyState::Away),
            "whoever asks first is not kept for long"
        );
        copy.look().await;
        assert_eq!(copy.state(), CopyState::Away);
    });
    pair.rebuild().expect("it follows");
    runtime.block_on(async {
        append(&store, 1).await;
        until(&copy, CopyState::Read).await;
    });
}

fn promoted(mut pair: Pair) {
    let (runtime, standby) = (runtime(), pair.standby());
    let copy = runtime.block_on(async {
        let store = store(&pair.primary()).await;
        let copy = standbys(&store, &standby).await;
        until(&copy, CopyState::Read).await;
        copy
    });
    // The primary lives: there are two now.
    pair.promote().expect("promoted");
    runtime.block_on(async {
        until(&copy, CopyState::NoCopy).await;
        assert_eq!(seqs(&copy).await, None);
    });
}

fn another() -> Result<(Private, Pair), NoServer> {
    Ok((Private::start()?, Pair::start()?))
}

fn another_history((primary, pair): &(Private, Pair)) {
    runtime().block_on(async {
        let mark = |number| StoreMark::new(Uuid::from_u128(number));
        let (ours, others) = (store(&primary.url()).await, store(&pair.primary()).await);
        for store in [&ours, &others] {
            store.renew_epoch(None, Epoch::new(7)).await.expect("named");
            store.exchange_mark("a".to_owned(), Vec::new(), mark(1)).await.expect("left");
        }
        // Further in its log than the primary, and alike in all else.
        execute(&pair.primary(), "SELECT pg_logical_emit_message(false, 'x', repeat('x', 60000000))").await;
        let copy = standbys(&ours, &pair.standby()).await;
        until(&copy, CopyState::Read).await;
        ours.exchange_mark("a".to_owned(), vec![mark(1)], mark(2)).await.expect("left");
        until(&copy, CopyState::OtherHistory).await;
        assert_eq!(seqs(&copy).await, None);
        others.exchange_mark("a".to_owned(), vec![mark(1)], mark(2)).await.expect("left");
        until(&copy, CopyState::Read).await;
        ours.renew_epoch(Some(Epoch::new(7)), Epoch::new(8)).await.expect("named");
        until(&copy, CopyState::OtherHistory).await;
        assert_eq!(seqs(&copy).await, None);
    });
}
