//! What is in the tables, good and bad.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::error::Error;
use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use flightdeck_domain::action::{Intervention, OperatorAction};
use flightdeck_domain::audit::AuditHead;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, FeedPosition, Seq};
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{
    ApiKeyRepository, AuditFilter, AuditLog, CommandQueue, FleetFeed, MessageRepository, OperatorActions,
    SessionFilter, SessionQuery, SessionRepository, StoreUnavailable,
};
use flightdeck_domain::text::JsonObject;
use flightdeck_store_contract::given;
use flightdeck_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

struct Bench {
    store: SqliteStore,
    path: PathBuf,
    _folder: TempDir,
}

impl Bench {
    /// A store with one session, one message, one command and one audit entry.
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("flightdeck.db");
        let store = SqliteStore::open(&path, Options::default()).expect("opened");
        store.register(given::registration(1)).await.expect("registered");
        let batch = vec![given::said(1, "hello")];
        store.append(given::session_id(1), batch, given::at(1)).await.expect("appended");
        let action = OperatorAction {
            session_id: given::session_id(1),
            intervention: Intervention::Pause,
            operation: None,
            able: None,
            by: given::by(1, 2),
        };
        OperatorActions::commit(&store, action).await.expect("accepted");
        Self { store, path, _folder: folder }
    }

    fn connection(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.path.to_str().expect("a text")).expect("opened");
        connection.batch_execute("PRAGMA busy_timeout = 5000").expect("set");
        connection
    }

    /// Breaks a row as a damaged disk or a careless hand would: past all checks.
    fn damage(&self, sql: &str) {
        let mut connection = self.connection();
        connection.batch_execute("PRAGMA ignore_check_constraints = ON").expect("set");
        connection.batch_execute(sql).expect("done");
    }

    async fn sessions(&self) -> Result<usize, StoreUnavailable> {
        let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: 10, heads_only: false };
        Ok(SessionRepository::list(&self.store, query).await?.sessions.len())
    }

    async fn messages(&self) -> Result<usize, StoreUnavailable> {
        let slice = MessageRepository::after(&self.store, given::session_id(1), Seq::ZERO, 10).await?;
        Ok(slice.map_or(0, |slice| slice.messages.len()))
    }

    async fn commands(&self) -> Result<usize, StoreUnavailable> {
        let pending = self.store.pending(given::session_id(1), CommandSeq::ZERO, 10).await?;
        Ok(pending.map_or(0, |pending| pending.len()))
    }
}

/// The chain of causes, as a log would show it.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[tokio::test]
async fn a_broken_row_is_an_error_that_names_it() {
    let id = given::session_id(1);
    for (sql, place) in [
        ("UPDATE sessions SET status = 'asleep'", format!("sessions.status of row {id} does not make sense")),
        ("UPDATE sessions SET revision = -1", format!("sessions.revision of row {id} ")),
        ("UPDATE sessions SET task_id = ' '", format!("sessions.task_id of row {id} ")),
        ("UPDATE sessions SET context = '[1]'", format!("sessions.context of row {id} ")),
        ("UPDATE sessions SET started_at = 9223372036854775807", format!("sessions.started_at of row {id} ")),
        ("UPDATE sessions SET root_id = x'00'", format!("sessions.root_id of row {id} ")),
    ] {
        let bench = Bench::new().await;
        bench.damage(sql);
        let error = bench.sessions().await.expect_err("broken");
        assert!(told(&error).contains(&place), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_broken_row_of_another_table_is_an_error_too() {
    let id = given::session_id(1);
    let bench = Bench::new().await;
    bench.damage("UPDATE messages SET role = 'ghost'");
    bench.damage("UPDATE commands SET kind = 'inject'");
    bench.damage("UPDATE feed_events SET data = 'no json' WHERE position = 1");
    let error = bench.messages().await.expect_err("broken");
    assert!(told(&error).contains(&format!("messages.role of row {id}/1 ")), "{}", told(&error));
    let error = bench.commands().await.expect_err("broken");
    assert!(told(&error).contains(&format!("commands.kind of row {id}/1 ")), "{}", told(&error));
    let error = FleetFeed::after(&bench.store, FeedPosition::ZERO, 10).await.expect_err("broken");
    assert!(told(&error).contains("feed_events.data of row 1 "), "{}", told(&error));
    // What is not broken can still be read.
    assert_eq!(bench.sessions().await.expect("read"), 1);
}

#[tokio::test]
async fn sqlite_itself_keeps_the_audit_log_append_only() {
    let bench = Bench::new().await;
    let before = bench.store.walk(AuditSeq::ZERO, 10).await.expect("read");
    let head = AuditLog::head(&bench.store).await.expect("read");
    assert_eq!((before.len(), head), (1, before[0].head()));
    let mut connection = bench.connection();
    for sql in [
        "UPDATE audit_entries SET actor = 'nobody'",
        "DELETE FROM audit_entries",
        "REPLACE INTO audit_entries (seq, hash, bytes, action, actor, at) VALUES (1, zeroblob(32), x'', 'kill', 'x', 0)",
        "INSERT INTO audit_entries (seq, hash, bytes, action, actor, at) VALUES (1, zeroblob(32), x'', 'kill', 'x', 0) \
         ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'",
        "UPDATE audit_head SET seq = 0, hash = zeroblob(32)",
        "DELETE FROM audit_head",
    ] {
        let error = connection.batch_execute(sql).expect_err("append-only");
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    assert_eq!(bench.store.walk(AuditSeq::ZERO, 10).await.expect("read"), before);
    assert_eq!(AuditLog::head(&bench.store).await.expect("read"), head);
    assert_ne!(head, AuditHead::EMPTY);
    assert_eq!(bench.store.page(AuditFilter::default(), None, 10).await.expect("read"), before);
}

/// Shortest decimal forms that a careless parser reads back as the number beside.
#[tokio::test]
async fn a_retry_with_fractions_is_the_same_message() {
    let bench = Bench::new().await;
    let numbers: Vec<f64> = (1..=2_000_u32).map(|n| (f64::from(n) * 0.618_033_988_749_894_9).sin() * 1e-5).collect();
    let serde_json::Value::Object(map) = serde_json::json!({ "numbers": numbers }) else { panic!("an object") };
    let message = NewMessage { metadata: JsonObject::new(map).expect("short"), ..given::said(2, "fractions") };
    for created in [true, false] {
        let done =
            bench.store.append(given::session_id(1), vec![message.clone()], given::at(3)).await.expect("appended");
        assert_eq!(done.appended[0].created, created);
    }
}

#[tokio::test]
async fn a_message_may_hold_any_character() {
    let bench = Bench::new().await;
    let content = "before\u{1}after\u{10ffff}";
    bench.store.append(given::session_id(1), vec![given::said(3, content)], given::at(3)).await.expect("appended");
    let slice = MessageRepository::before(&bench.store, given::session_id(1), Seq::new(9), 1).await.expect("read");
    assert_eq!(slice.expect("the session").messages[0].content.as_str(), content);
}

#[tokio::test]
async fn a_batch_beyond_sqlites_limit_of_values_is_one_batch() {
    let bench = Bench::new().await;
    let batch: Vec<_> = (10..10_010).map(|n| given::said(n, "one of many")).collect();
    for created in [true, false] {
        let done = bench.store.append(given::session_id(1), batch.clone(), given::at(3)).await.expect("appended");
        assert_eq!((done.appended.len(), done.last_seq), (10_000, Seq::new(10_001)));
        assert!(done.appended.iter().all(|place| place.created == created));
    }
}

#[tokio::test]
async fn a_busy_fleet_shares_its_commits() {
    let bench = Bench::new().await;
    let before = bench.store.stats();
    let store = &bench.store;
    let append = |n| store.append(given::session_id(1), vec![given::said(n, "hello")], given::at(3));
    let (a, b, c, d) = tokio::join!(append(10), append(11), append(12), append(13));
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    let after = bench.store.stats();
    assert_eq!(after.writes - before.writes, 4);
    assert!(after.commits > before.commits && after.commits - before.commits <= 4);
    assert!(ApiKeyRepository::list(store).await.expect("read").is_empty());
}
