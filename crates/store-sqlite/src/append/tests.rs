//! Appends that stand in line together: the writer is held until all of them do.

use std::sync::mpsc::channel;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::{MessageId, Seq};
use flightdeck_domain::message::{AppendRefused, MessageRole};
use flightdeck_domain::ports::{MessageRepository, SessionRepository};
use flightdeck_domain::session::{DesiredStatus, Observation, Registration, SessionStatus};
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, TaskId, TaskSource};
use flightdeck_store_sql::tx::head;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::tx::now;
use crate::{Options, SqliteStore};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("a moment")
}

fn session(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

fn message(n: u128, content: &str) -> NewMessage {
    NewMessage {
        id: MessageId::new(Uuid::from_u128(n)),
        role: MessageRole::Assistant,
        content: MessageContent::new(content).expect("valid"),
        metadata: JsonObject::default(),
        created_at: at(1),
    }
}

/// A store with the sessions 1 to 3.
async fn store() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("flightdeck.db"), Options::default()).expect("opened");
    for n in 1..=3 {
        let registration = Registration {
            id: session(n),
            parent_id: None,
            provider: ProviderName::internal(),
            provider_session_id: None,
            replica: None,
            started_by: None,
            mission_id: None,
            task_id: TaskId::new("FD-1").expect("valid"),
            task_source: TaskSource::default(),
            agent_type: AgentType::new("worker").expect("valid"),
            status: SessionStatus::Running,
            gate_profile: None,
            context: JsonObject::default(),
            metadata: JsonObject::default(),
            at: at(0),
        };
        store.register(registration).await.expect("registered");
    }
    (store, folder)
}

/// Appends all of them while the writer is held, and then lets it go; gives the answers in their order.
async fn in_line(store: &SqliteStore, appends: Vec<(u128, Vec<NewMessage>)>) -> Vec<Answer> {
    behind(store, "SELECT 1", appends).await
}

/// The same, behind a statement that begins their transaction.
async fn behind(store: &SqliteStore, sql: &'static str, appends: Vec<(u128, Vec<NewMessage>)>) -> Vec<Answer> {
    let (gate, held) = channel::<()>();
    let holding = store.writer.write(move |connection| {
        held.recv().expect("let go");
        Ok::<_, StoreError>(connection.batch_execute(sql)?)
    });
    let mut calls: Vec<_> =
        appends.into_iter().map(|(n, batch)| Box::pin(store.append(session(n), batch, at(5)))).collect();
    let all = async {
        let mut answers = Vec::new();
        // Each is polled once before the gate opens, in order.
        for call in &mut calls {
            assert!(is_pending(call).await, "held");
        }
        gate.send(()).expect("held");
        for call in calls {
            answers.push(call.await);
        }
        answers
    };
    let (_held, answers) = tokio::join!(biased; holding, all);
    answers
}

/// Polls once; whether it is still pending.
async fn is_pending<F: Future + Unpin>(call: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *call).poll(context).is_pending()))
        .await
}

fn places(answer: &Answer) -> Vec<(u64, bool)> {
    let outcome = answer.as_ref().expect("appended");
    let inserted: Vec<Seq> = outcome.inserted.iter().map(|message| message.seq).collect();
    let created: Vec<Seq> = outcome.appended.iter().filter(|it| it.created).map(|it| it.seq).collect();
    assert_eq!(inserted, created);
    outcome.appended.iter().map(|it| (it.seq.get(), it.created)).collect()
}

async fn texts(store: &SqliteStore, n: u128) -> Vec<String> {
    let slice = store.after(session(n), Seq::ZERO, 100).await.expect("read").expect("there");
    assert_eq!(slice.last_seq.get(), u64::try_from(slice.messages.len()).expect("small"));
    slice.messages.iter().map(|message| message.content.to_string()).collect()
}

#[tokio::test]
async fn they_share_a_commit_and_each_session_has_its_order() {
    let (store, _folder) = store().await;
    let before = store.stats();
    let answers = in_line(
        &store,
        vec![
            (1, vec![message(1, "a"), message(2, "b")]),
            (2, vec![message(1, "c")]),
            (1, vec![message(3, "d")]),
            (2, (10..110).map(|n| message(n, "e")).collect()),
        ],
    )
    .await;
    assert_eq!(places(&answers[0]), [(1, true), (2, true)]);
    assert_eq!(places(&answers[2]), [(3, true)]);
    assert_eq!(places(&answers[3]).last(), Some(&(101, true)));
    assert_eq!(texts(&store, 1).await, ["a", "b", "d"]);
    assert_eq!(store.get(session(1)).await.expect("read").expect("there").last_seen_at, Some(at(5)));
    assert_eq!((store.stats().commits - before.commits, store.stats().writes - before.writes), (1, 5));
}

/// Neither within a group nor by what is remembered of a session from one group to the next.
#[tokio::test]
async fn a_group_that_comes_late_does_not_move_the_time_back() {
    let (store, _folder) = store().await;
    let deciding = store.writer.transact(move |connection| {
        let (mut heads, mut next) = (Heads::default(), 0);
        for (seconds, expected) in [([100, 40], 100), ([50, 40], 100), ([60, 70], 100), ([20, 110], 110)] {
            let mut group = seconds.map(|second| {
                next += 1;
                let append = Append { session: session(1), batch: vec![message(next, "x")], at: at(second) };
                AppendJob { append, result: None, reply: oneshot::channel().0, listener: None }
            });
            assert!(together(connection, &mut heads, &mut group.each_mut()).expect("decided"));
            let seen = now(head(&mut ***connection, session(1)))?.and_then(|session| session.last_seen_at);
            assert_eq!(seen, Some(at(expected)), "{seconds:?}");
        }
        Ok::<_, StoreError>(())
    });
    deciding.await.expect("decided");
}

#[tokio::test]
async fn a_repeated_message_is_found_and_its_neighbours_are_written() {
    let (store, _folder) = store().await;
    store.append(session(1), vec![message(1, "a")], at(2)).await.expect("appended");
    let answers = in_line(
        &store,
        vec![
            (2, vec![message(7, "b")]),
            (1, vec![message(1, "a"), message(2, "c")]),
            (3, vec![message(8, "d")]),
            (3, vec![message(8, "d")]),
            (3, vec![message(8, "another")]),
        ],
    )
    .await;
    assert_eq!(places(&answers[0]), [(1, true)]);
    assert_eq!(places(&answers[1]), [(1, false), (2, true)]);
    assert_eq!((places(&answers[2]), places(&answers[3])), (vec![(1, true)], vec![(1, false)]));
    let conflict = AppendRefused::Conflict { id: message(8, "d").id, seq: Seq::new(1) };
    assert!(matches!(&answers[4], Err(AppendError::Refused(refused)) if *refused == conflict), "{:?}", answers[4]);
    assert_eq!((texts(&store, 1).await, texts(&store, 3).await), (vec!["a".into(), "c".into()], vec!["d".into()]));
}

#[tokio::test]
async fn refusals_write_nothing_and_leave_the_others_alone() {
    let (store, _folder) = store().await;
    store.append(session(2), vec![message(1, "a")], at(2)).await.expect("appended");
    let ended = Observation {
        session_id: session(2),
        status: SessionStatus::Completed,
        reason: None,
        provider_session_id: None,
        message_id: MessageId::new(Uuid::from_u128(99)),
        at: at(3),
    };
    store.observe(ended).await.expect("ended");
    let answers = in_line(
        &store,
        vec![
            (9, vec![message(1, "x")]),
            (1, vec![message(1, "b")]),
            (2, vec![message(2, "y")]),
            (2, vec![message(1, "a")]),
            (1, vec![message(2, "c"), message(2, "not c")]),
            (1, vec![message(3, "d")]),
        ],
    )
    .await;
    assert!(matches!(answers[0], Err(AppendError::UnknownSession(_))));
    assert!(matches!(answers[2], Err(AppendError::Refused(AppendRefused::Ended { .. }))));
    assert_eq!(places(&answers[3]), [(1, false)], "a retry is taken though the session has ended");
    assert!(matches!(answers[4], Err(AppendError::Refused(AppendRefused::Conflict { .. }))));
    assert_eq!((places(&answers[1]), places(&answers[5])), (vec![(1, true)], vec![(2, true)]));
    assert_eq!(texts(&store, 1).await, ["b", "d"]);
}

/// One message each, to the sessions 1 and 2, in one row: the heads are remembered by it. The database is locked by
/// somebody else until both stand in line, who may have changed something: no job lies between this row and the last one.
async fn one_each(store: &SqliteStore, folder: &TempDir, n: u128, changed: &str) -> Vec<Answer> {
    let path = folder.path().join("flightdeck.db").display().to_string();
    let mut other = SqliteConnection::establish(&path).expect("opened");
    other.batch_execute(&format!("BEGIN IMMEDIATE; {changed}")).expect("locked");
    let mut first = Box::pin(store.append(session(1), vec![message(n, "x")], at(5)));
    let mut second = Box::pin(store.append(session(2), vec![message(n, "y")], at(5)));
    assert!(is_pending(&mut first).await && is_pending(&mut second).await, "locked out");
    other.batch_execute("COMMIT").expect("let go");
    vec![first.await, second.await]
}

#[tokio::test]
async fn a_head_is_remembered_from_one_row_to_the_next() {
    let (store, folder) = store().await;
    for n in 1..=3 {
        let answers = one_each(&store, &folder, n, "").await;
        let place = (u64::try_from(n).expect("small"), true);
        assert_eq!((places(&answers[0]), places(&answers[1])), (vec![place], vec![place]));
    }
    assert_eq!(texts(&store, 1).await.len(), 3);
}

#[tokio::test]
async fn a_head_is_forgotten_with_whatever_else_changes_the_session() {
    let (store, folder) = store().await;
    one_each(&store, &folder, 1, "").await;
    let pause = |connection: &mut SqliteConnection| {
        Ok::<_, StoreError>(connection.batch_execute("UPDATE sessions SET desired_status = 'paused'")?)
    };
    store.writer.write(pause).await.expect("written");
    let answers = one_each(&store, &folder, 2, "").await;
    assert_eq!(answers[0].as_ref().expect("appended").control.desired_status, DesiredStatus::Paused);
}

#[tokio::test]
async fn a_head_is_forgotten_when_somebody_else_has_written() {
    let (store, folder) = store().await;
    one_each(&store, &folder, 1, "").await;
    let answers = one_each(&store, &folder, 2, "UPDATE sessions SET desired_status = 'paused'").await;
    let control = answers[0].as_ref().expect("appended").control;
    assert_eq!(control.desired_status, DesiredStatus::Paused);
}

#[tokio::test]
async fn a_head_is_forgotten_with_a_transaction_that_fails() {
    let (store, folder) = store().await;
    let breaks_at_the_commit = "PRAGMA defer_foreign_keys = ON;
        INSERT INTO messages VALUES (zeroblob(16), 1, zeroblob(16), 'user', 'x', 0, '{}', '')";
    let lost = vec![(1, vec![message(1, "lost")]), (2, vec![message(1, "lost")])];
    let answers = behind(&store, breaks_at_the_commit, lost).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(AppendError::Unavailable(_)))), "{answers:?}");
    let answers = one_each(&store, &folder, 2, "").await;
    assert_eq!((places(&answers[0]), places(&answers[1])), (vec![(1, true)], vec![(1, true)]));
    assert_eq!(texts(&store, 1).await, ["x"]);
}

#[tokio::test]
async fn a_row_that_begins_its_transaction_is_undone_when_a_message_is_there_already() {
    let (store, folder) = store().await;
    one_each(&store, &folder, 1, "").await;
    store.append(session(2), vec![message(2, "y")], at(5)).await.expect("appended");
    let answers = one_each(&store, &folder, 2, "").await;
    assert_eq!((places(&answers[0]), places(&answers[1])), (vec![(2, true)], vec![(2, false)]));
    assert_eq!((texts(&store, 1).await.len(), texts(&store, 2).await.len()), (2, 2));
}

/// Notes on which thread it hears of which message.
#[derive(Default)]
struct Noted(std::sync::Mutex<Vec<(Option<String>, u64)>>);

impl WakeUps for Noted {
    fn session_moved(&self, _: SessionId, _: Seq) {}

    fn messages_committed(&self, messages: &[Message]) {
        let thread = std::thread::current().name().map(ToOwned::to_owned);
        self.0.lock().expect("noted").extend(messages.iter().map(|message| (thread.clone(), message.seq.get())));
    }

    fn command_queued(&self, _: SessionId) {}

    fn feed_grew(&self) {}
}

/// Nothing is told of a message that was there already, or that is refused.
#[tokio::test]
async fn who_follows_hears_of_a_lone_append_from_the_thread_that_committed_it() {
    let (store, _folder) = store().await;
    let noted = Arc::new(Noted::default());
    store.writer.tell(noted.clone());
    store.append(session(1), vec![message(1, "a"), message(2, "b")], at(2)).await.expect("appended");
    store.append(session(1), vec![message(1, "a")], at(2)).await.expect("there already");
    store.append(session(1), vec![message(1, "other")], at(2)).await.expect_err("another content");
    let thread = Some("store writer".to_owned());
    assert_eq!(*noted.0.lock().expect("noted"), [(thread.clone(), 1), (thread, 2)]);
}
