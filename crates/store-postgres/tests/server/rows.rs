//! What is in the tables, good and bad.

use flightdeck_domain::action::{FleetAction, FleetIntervention, Intervention, OperatorAction};
use flightdeck_domain::audit::AuditHead;
use flightdeck_domain::ids::{AuditSeq, FeedPosition, OperationId, Seq};
use flightdeck_domain::ports::{
    AuditFilter, AuditLog, FleetFeed, MessageRepository, OperatorActions, SessionFilter, SessionQuery,
    SessionRepository,
};
use flightdeck_store_contract::given;

use crate::bench::{Bench, told};

/// A store with one session, one message, one command and one audit entry.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.store.register(given::registration(1)).await.expect("registered");
    let batch = vec![given::said(1, "hello")];
    bench.store.append(given::session_id(1), batch, given::at(1)).await.expect("appended");
    let action = OperatorAction {
        session_id: given::session_id(1),
        intervention: Intervention::Pause,
        operation: None,
        able: None,
        by: given::by(1, 2),
    };
    OperatorActions::commit(&*bench.store, action).await.expect("accepted");
    bench
}

pub(crate) async fn a_broken_row_is_an_error_that_names_it() {
    let id = given::session_id(1);
    for (sql, place) in [
        ("UPDATE sessions SET status = 'asleep'", format!("sessions.status of row {id} does not make sense")),
        ("UPDATE sessions SET task_id = ' '", format!("sessions.task_id of row {id} ")),
        ("UPDATE sessions SET context = '[1]'", format!("sessions.context of row {id} ")),
        ("UPDATE sessions SET started_at = 9223372036854775807", format!("sessions.started_at of row {id} ")),
    ] {
        let bench = bench().await;
        bench.execute(sql).await;
        let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: 10, heads_only: false };
        let error = SessionRepository::list(&*bench.store, query).await.expect_err("broken");
        assert!(told(&error).contains(&place), "{}", told(&error));
    }
    let bench = bench().await;
    bench
        .execute("UPDATE messages SET role = 'ghost'; UPDATE feed_events SET data = 'no json' WHERE position = 1")
        .await;
    let error = MessageRepository::after(&*bench.store, id, Seq::ZERO, 10).await.expect_err("broken");
    assert!(told(&error).contains(&format!("messages.role of row {id}/1 ")), "{}", told(&error));
    let error = FleetFeed::after(&*bench.store, FeedPosition::ZERO, 10).await.expect_err("broken");
    assert!(told(&error).contains("feed_events.data of row 1 "), "{}", told(&error));
    // What is not broken can still be read.
    assert!(bench.store.get(id).await.expect("read").is_some());
}

pub(crate) async fn postgresql_itself_keeps_the_audit_log_append_only() {
    let bench = bench().await;
    bench.execute("INSERT INTO audit_checkpoints VALUES (1, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 8), 'hex'), decode(repeat('00', 64), 'hex'))").await;
    let before = bench.store.walk(AuditSeq::ZERO, 10).await.expect("read");
    let head = AuditLog::head(&*bench.store).await.expect("read");
    assert_eq!((before.len(), head), (1, before[0].head()));
    let client = bench.client().await;
    for sql in [
        "UPDATE audit_entries SET actor = 'nobody'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "INSERT INTO audit_entries (seq, hash, bytes, action, actor, at) \
         VALUES (1, decode(repeat('00', 32), 'hex'), '', 'kill', 'x', 0) ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'",
        "UPDATE audit_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')",
        "UPDATE audit_head SET seq = seq + 2",
        "WITH two AS (INSERT INTO audit_entries (seq, hash, bytes, action, actor, at) VALUES \
             (2, decode(repeat('02', 32), 'hex'), '', 'kill', 'x', 0), (3, decode(repeat('03', 32), 'hex'), '', 'kill', 'x', 0)) \
         SELECT 1; UPDATE audit_head SET seq = 3, hash = decode(repeat('04', 32), 'hex')",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "UPDATE audit_checkpoints SET at = 1",
        "DELETE FROM audit_checkpoints",
        "TRUNCATE audit_checkpoints",
        "TRUNCATE audit_entries, audit_head, audit_checkpoints CASCADE",
    ] {
        let error = client.batch_execute(sql).await.expect_err("append-only");
        let text = error.as_db_error().expect("an error of the database").message().to_owned();
        assert!(text.contains("append-only"), "{sql}: {text}");
    }
    assert_eq!(bench.store.walk(AuditSeq::ZERO, 10).await.expect("read"), before);
    assert_eq!(AuditLog::head(&*bench.store).await.expect("read"), head);
    assert_ne!(head, AuditHead::EMPTY);
    assert_eq!(bench.store.page(AuditFilter::default(), None, 10).await.expect("read"), before);
}

pub(crate) async fn a_batch_beyond_the_limit_of_values_is_one_batch() {
    let bench = bench().await;
    let batch: Vec<_> = (10..10_010).map(|n| given::said(n, "one of many")).collect();
    let start = MessageRepository::after(&*bench.store, given::session_id(1), Seq::ZERO, 1).await.expect("read");
    let start = start.expect("there").last_seq.get();
    for created in [true, false] {
        let done = bench.store.append(given::session_id(1), batch.clone(), given::at(3)).await.expect("appended");
        assert_eq!((done.appended.len(), done.last_seq), (10_000, Seq::new(start + 10_000)));
        assert!(done.appended.iter().all(|place| place.created == created));
    }
}

/// A thousand sessions, and no more statements than for one would be needed.
pub(crate) async fn a_large_fleet_is_stopped_by_a_few_statements() {
    let bench = bench().await;
    bench
        .execute(
            "INSERT INTO sessions SELECT gen_random_uuid(), id, root_id, 'running', 'running', 0, 0, 1, spawned_at, \
             started_at, NULL, NULL, provider, NULL, NULL, task_id, task_source, agent_type, NULL, NULL, '{}', '{}' \
             FROM sessions, generate_series(1, 1000)",
        )
        .await;
    let operation = Some(OperationId::new(uuid::Uuid::from_u128(1)));
    let action = FleetAction { intervention: FleetIntervention::KillAll, operation, by: given::by(1, 2) };
    let done = bench.store.commit_fleet(action).await.expect("done");
    assert_eq!(done.total, 1_001);
    let client = bench.client().await;
    for sql in [
        "SELECT COUNT(*) FROM sessions WHERE desired_status = 'killed'",
        "SELECT COUNT(*) FROM commands WHERE kind = 'kill'",
        "SELECT COUNT(*) FROM operation_targets WHERE outcome IS NULL",
    ] {
        let count: i64 = client.query_one(sql, &[]).await.expect("read").get(0);
        assert_eq!(count, 1_001, "{sql}");
    }
}
