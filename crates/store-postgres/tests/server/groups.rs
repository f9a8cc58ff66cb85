//! Appends that share a commit.

use std::sync::Arc;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{AppendRefused, Control, NewMessage};
use flightdeck_domain::ports::{AppendError, AppendOutcome, MessageRepository, OperatorActions, SessionRepository};
use flightdeck_domain::session::{DesiredStatus, Observation, SessionStatus};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{Options, PostgresStore};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::bench::{Bench, options};

type Answer = JoinHandle<Result<AppendOutcome, AppendError>>;

/// One line, so that what queues is one group.
async fn bench() -> Bench {
    let bench = Bench::with(Options { append_shards: 1, ..options() }).await;
    for n in [1, 2, 3] {
        bench.store.register(given::registration(n)).await.expect("registered");
    }
    bench
}

/// Holds up the first append until whatever is queued meanwhile is one group.
struct Gate {
    holder: Client,
    first: Answer,
}

impl Gate {
    async fn close(bench: &Bench) -> Self {
        Self::close_with(bench, 900).await
    }

    async fn close_with(bench: &Bench, n: u32) -> Self {
        let before = bench.store.stats().append_groups;
        let holder = bench.client().await;
        let sql = format!("BEGIN; SELECT id FROM sessions WHERE id = '{}' FOR UPDATE", given::session_id(3));
        holder.batch_execute(&sql).await.expect("locked");
        let first = append(bench, given::session_id(3), vec![given::said(n, "first")]);
        while bench.store.stats().append_groups == before {
            tokio::task::yield_now().await;
        }
        Self { holder, first }
    }

    /// All of the group has to be queued by then.
    async fn open(self) {
        self.holder.batch_execute("COMMIT").await.expect("let go");
        self.first.await.expect("no panic").expect("appended");
    }
}

/// Queues an append. Tasks begin in no known order; who needs an order waits with [`queued`].
fn append(bench: &Bench, session: SessionId, batch: Vec<NewMessage>) -> Answer {
    let store = Arc::clone(&bench.store);
    tokio::spawn(async move { store.append(session, batch, given::at(5)).await })
}

/// Queues an append, and returns when it stands in the line.
async fn queued(bench: &Bench, session: SessionId, batch: Vec<NewMessage>) -> Answer {
    let before = bench.store.stats().waiting;
    let answer = append(bench, session, batch);
    while bench.store.stats().waiting == before {
        tokio::task::yield_now().await;
    }
    answer
}

async fn places(answer: Answer) -> Vec<(u64, bool)> {
    let outcome = answer.await.expect("no panic").expect("appended");
    outcome.appended.iter().map(|place| (place.seq.get(), place.created)).collect()
}

async fn refused(answer: Answer) -> AppendError {
    answer.await.expect("no panic").expect_err("refused")
}

fn ended(n: u32) -> Observation {
    Observation {
        session_id: given::session_id(n),
        status: SessionStatus::Completed,
        reason: None,
        provider_session_id: None,
        message_id: flightdeck_domain::ids::MessageId::new(uuid::Uuid::from_u128(7_000 + u128::from(n))),
        at: given::at(4),
    }
}

pub(crate) async fn batches_that_queue_share_a_commit_and_each_stands_alone() {
    let bench = bench().await;
    let one = given::session_id(1);
    bench.store.append(one, vec![given::said(1, "one")], given::at(1)).await.expect("appended");
    bench.store.observe(ended(2)).await.expect("ended");
    let before = bench.store.stats().append_groups;
    let gate = Gate::close(&bench).await;
    let retry = queued(&bench, one, vec![given::said(1, "one"), given::said(2, "two")]).await;
    let conflict = queued(&bench, one, vec![given::said(3, "three"), given::said(1, "other")]).await;
    let unknown = queued(&bench, given::session_id(99), vec![given::said(1, "one")]).await;
    let closed = queued(&bench, given::session_id(2), vec![given::said(1, "one")]).await;
    // These see what an earlier batch of the same group did.
    let again = queued(&bench, one, vec![given::said(2, "two"), given::said(4, "four")]).await;
    let other_body = queued(&bench, one, vec![given::said(4, "another four")]).await;
    gate.open().await;

    assert_eq!(places(retry).await, [(1, false), (2, true)]);
    assert!(matches!(refused(conflict).await, AppendError::Refused(AppendRefused::Conflict { .. })));
    assert!(matches!(refused(unknown).await, AppendError::UnknownSession(id) if id == given::session_id(99)));
    assert!(matches!(refused(closed).await, AppendError::Refused(AppendRefused::Ended { .. })));
    assert_eq!(places(again).await, [(2, false), (3, true)]);
    assert!(matches!(
        refused(other_body).await,
        AppendError::Refused(AppendRefused::Conflict { seq, .. }) if seq == Seq::new(3)
    ));
    assert_eq!(bench.store.stats().append_groups - before, 2, "the one that was held up, and one for all the rest");
    assert_eq!(bench.store.stats().broken_append_groups, 0);
    let slice = MessageRepository::after(&*bench.store, one, Seq::ZERO, 10).await.expect("read").expect("there");
    let said: Vec<_> = slice.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!((said, slice.last_seq), (vec!["one", "two", "four"], Seq::new(3)));
}

/// Two replicas append to one session, and others see it: seqs are dense, and whoever has seen one never sees a lower one
/// appear later.
pub(crate) async fn replicas_share_one_dense_order() {
    let bench = bench().await;
    let other = PostgresStore::open(bench.place.url(), options(), Handle::current()).await.expect("opened");
    let other = Arc::new(other);
    let one = given::session_id(1);
    let writers: Vec<_> = (0..8_u32)
        .map(|writer| {
            let store = if writer % 2 == 0 { Arc::clone(&bench.store) } else { Arc::clone(&other) };
            tokio::spawn(async move {
                for n in 0..25 {
                    let batch =
                        vec![given::said(writer * 100 + n, "hello"), given::said(writer * 100 + n + 50, "hello")];
                    store.append(one, batch, given::at(5)).await.expect("appended");
                }
            })
        })
        .collect();
    let mut seen = Seq::ZERO;
    loop {
        let finished = writers.iter().all(JoinHandle::is_finished);
        let slice = MessageRepository::after(&*other, one, seen, 7).await.expect("read").expect("there");
        for message in &slice.messages {
            assert_eq!(message.seq, seen.next(), "dense, and none missed");
            seen = message.seq;
        }
        if finished && slice.messages.is_empty() {
            break;
        }
    }
    for writer in writers {
        writer.await.expect("no panic");
    }
    assert_eq!(seen, Seq::new(400));
}

pub(crate) async fn a_group_that_fails_is_tried_one_by_one() {
    let bench = bench().await;
    bench
        .execute(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF NEW.content = 'poison' THEN RAISE EXCEPTION 'poisoned'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER poison BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION poison()",
        )
        .await;
    let gate = Gate::close(&bench).await;
    let good = queued(&bench, given::session_id(1), vec![given::said(1, "good")]).await;
    let bad = queued(&bench, given::session_id(1), vec![given::said(2, "poison")]).await;
    let after = queued(&bench, given::session_id(1), vec![given::said(3, "good too")]).await;
    gate.open().await;
    assert_eq!(places(good).await, [(1, true)]);
    assert!(matches!(refused(bad).await, AppendError::Unavailable(_)));
    assert_eq!(places(after).await, [(2, true)]);
    assert_eq!(bench.store.stats().broken_append_groups, 1);
}

pub(crate) async fn a_lost_session_comes_back_out_of_a_group() {
    let bench = bench().await;
    let lost = Observation { status: SessionStatus::Lost, ..ended(1) };
    bench.store.observe(lost).await.expect("lost");
    let gate = Gate::close(&bench).await;
    let first = queued(&bench, given::session_id(1), vec![given::said(1, "one")]).await;
    let neighbour = queued(&bench, given::session_id(2), vec![given::said(1, "one")]).await;
    let second = queued(&bench, given::session_id(1), vec![given::said(2, "two")]).await;
    gate.open().await;
    let first = first.await.expect("no panic").expect("appended");
    // After the message that it was lost and the one that it is back.
    assert_eq!((first.came_back, first.last_seq), (true, Seq::new(3)));
    assert_eq!(places(neighbour).await, [(1, true)]);
    let second = second.await.expect("no panic").expect("appended");
    assert_eq!((second.came_back, second.last_seq), (false, Seq::new(4)));
    let back = bench.store.get(given::session_id(1)).await.expect("read").expect("there");
    assert_eq!(back.status, SessionStatus::Running);
}

/// What one replica remembers of a session is written on only where it still holds.
pub(crate) async fn what_another_replica_did_is_never_overlooked() {
    let bench = bench().await;
    let other = PostgresStore::open(bench.place.url(), options(), Handle::current()).await.expect("opened");
    let (one, long) = (given::session_id(1), || bench.store.stats().long_appends);
    let place = async |store: &PostgresStore, n| {
        let done = store.append(one, vec![given::said(n, "hello")], given::at(n)).await.expect("appended");
        (done.last_seq.get(), done.control)
    };
    assert_eq!(place(&bench.store, 1).await.0, 1);
    let before = long();
    assert_eq!((place(&bench.store, 2).await.0, place(&bench.store, 3).await.0, long() - before), (2, 3, 0), "at once");
    assert_eq!((place(&other, 4).await.0, place(&bench.store, 5).await.0, long() - before), (4, 5, 1), "the end moved");

    let pause = given::action(1, Intervention::Pause);
    other.commit(pause).await.expect("accepted");
    for n in [6, 7] {
        let (_, control) = place(&bench.store, n).await;
        assert_eq!(control, Control { desired_status: DesiredStatus::Paused, pending_commands: 1 });
    }
    other.observe(given::observation(1, SessionStatus::Lost, 8)).await.expect("lost");
    let back = bench.store.append(one, vec![given::said(8, "here")], given::at(9)).await.expect("appended");
    assert!(back.came_back);
    other.observe(ended(1)).await.expect("ended");
    let closed = bench.store.append(one, vec![given::said(9, "late")], given::at(10)).await;
    assert!(matches!(closed, Err(AppendError::Refused(AppendRefused::Ended { .. }))), "{closed:?}");
    let stats = bench.store.stats();
    assert_eq!((stats.repeated_append_groups, stats.broken_append_groups), (0, 0));
}

/// The insert finds the first repeated message, and the group is done again; from then on that session is asked first.
pub(crate) async fn who_repeats_is_looked_up_from_then_on() {
    let bench = bench().await;
    let (one, two) = (given::session_id(1), given::session_id(2));
    bench.store.append(one, vec![given::said(1, "one")], given::at(1)).await.expect("appended");
    for round in 1..=3_u32 {
        let gate = Gate::close_with(&bench, 900 + round).await;
        let again = queued(&bench, one, vec![given::said(1, "one")]).await;
        let neighbour = queued(&bench, two, vec![given::said(round, "two")]).await;
        gate.open().await;
        assert_eq!((places(again).await, places(neighbour).await), (vec![(1, false)], vec![(u64::from(round), true)]));
        assert_eq!(bench.store.stats().repeated_append_groups, 1, "in round {round}");
    }
}
