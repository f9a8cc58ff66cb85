//! How SQLite goes about the queries that must stay cheap however much is stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;
use flightdeck_domain::ids::{CommandSeq, FeedPosition, MessageId, OperationId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole, NewMessage};
use flightdeck_domain::ports::{
    AuditFilter, ControlRows as _, MessageSlice, OperationQuery, SessionCursor, SessionFilter, SessionQuery,
    SessionRows as _, TalkRows as _, TargetCursor, TargetQuery,
};
use flightdeck_domain::session::{SessionStatus, Silence};
use flightdeck_domain::text::{JsonObject, MessageContent, MissionId, ProviderName, ProviderSessionId};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::tx::{Dialect as _, SqlTx};
use flightdeck_store_sql::{audit, feed};
use uuid::Uuid;

use crate::connection::DatabaseFile;
use crate::tx::{Embedded, SqliteTx, now, run};
use crate::{messages, migrations};

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// What SQLite would do for each statement that `work` runs.
fn plan(work: impl FnOnce(&mut SqliteTx)) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::prepare(&folder.path().join("plans.db")).expect("made");
    let mut connection = file.writer().expect("opened");
    migrations::migrate(&file, &mut connection).expect("migrated");
    let statements = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&statements);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            seen.lock().expect("one thread").push(query.to_string());
        }
    });
    let mut tx = SqlTx(Embedded(connection));
    work(&mut tx);
    let ran: Vec<String> = statements.lock().expect("one thread").clone();
    assert!(!ran.is_empty(), "nothing was run");
    ran.iter()
        .flat_map(|statement| {
            // The values are shown behind the statement, as a comment.
            let sql = statement.split(" -- binds").next().expect("a statement");
            let steps: Vec<Step> =
                diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut **tx).expect("explained");
            steps.into_iter().map(|step| step.detail)
        })
        .collect()
}

/// No table is read from end to end, and nothing is sorted.
fn assert_cheap(plan: &[String]) {
    for step in plan {
        // The ids of a batch are a list in the statement itself.
        let small = step.contains("wanted VIRTUAL TABLE");
        assert!(small || !step.contains("SCAN"), "{plan:#?}");
        assert!(!step.contains("TEMP B-TREE"), "{plan:#?}");
    }
}

fn session() -> SessionId {
    SessionId::new(Uuid::from_u128(1))
}

fn message(n: u128) -> NewMessage {
    NewMessage {
        id: MessageId::new(Uuid::from_u128(n)),
        role: MessageRole::User,
        content: MessageContent::new("hello").expect("valid"),
        metadata: JsonObject::default(),
        created_at: moment(),
    }
}

fn moment() -> Timestamp {
    Timestamp::from_micros(0).expect("a moment")
}

fn page(filter: SessionFilter) -> Vec<String> {
    let after = Some(SessionCursor { spawned_at: moment(), id: session() });
    let query = SessionQuery { filter, after, limit: 10, heads_only: false };
    plan(|tx| assert!(run(tx.session_page(&query)).expect("read").0.is_empty()))
}

#[test]
fn a_page_of_a_conversation_is_one_step_into_the_table() {
    for plan in [
        plan(|tx| assert!(messages::after(tx, session(), Seq::ZERO, 9).expect("read").is_empty())),
        plan(|tx| assert!(messages::before(tx, session(), Seq::ZERO, 9).expect("read").is_empty())),
    ] {
        assert_eq!(plan.len(), 1, "{plan:#?}");
        assert!(plan[0].starts_with("SEARCH messages USING PRIMARY KEY (session_id=? AND seq"), "{plan:#?}");
    }
}

#[test]
fn known_ids_are_looked_up() {
    for batch in [vec![message(1)], vec![message(1), message(2)]] {
        let plan = plan(|tx| assert!(messages::known(tx, session(), &batch).expect("read").is_empty()));
        assert!(plan.iter().any(|step| step.contains("(session_id=? AND id=?)")), "{plan:#?}");
        assert_cheap(&plan);
    }
}

#[test]
fn pending_commands_have_an_index_of_their_own() {
    for plan in [
        plan(|tx| assert_eq!(run(tx.count_pending(session())).expect("read"), 0)),
        plan(|tx| {
            assert!(run(tx.pending_commands(session(), CommandSeq::ZERO, 9)).expect("read").is_empty());
        }),
    ] {
        assert!(plan.iter().any(|step| step.contains("commands_pending")), "{plan:#?}");
        assert_cheap(&plan);
    }
}

#[test]
fn receipts_are_found_by_their_message_and_by_their_session() {
    let said = message(1).at_seq(Seq::new(1), session(), ProviderName::internal());
    let said = Message { role: MessageRole::Operator, ..said };
    for (plan, index) in [
        (
            plan(|tx| {
                let slice = MessageSlice {
                    messages: vec![said],
                    receipts: HashMap::new(),
                    last_seq: Seq::new(1),
                    status: SessionStatus::Running,
                };
                let read = run(tx.with_receipts(Some(slice))).expect("read").expect("the same");
                assert!(read.receipts.is_empty());
            }),
            "commands_message",
        ),
        (
            plan(|tx| {
                let after = FeedPosition::ZERO;
                assert!(now(feed::receipts(tx.connection(), session(), after, 9)).expect("read").is_empty());
                assert!(now(feed::newest_receipts(tx.connection(), session(), 9)).expect("read").is_empty());
            }),
            "feed_events_receipts",
        ),
    ] {
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:#?}");
        assert_cheap(&plan);
    }
}

#[test]
fn a_page_of_sessions_follows_an_index() {
    let not_ended = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect::<Vec<_>>();
    let (any, provider) = (SessionFilter::default, ProviderName::new("scripted").ok());
    for (filter, index) in [
        (any(), "sessions_newest"),
        (SessionFilter { mission_id: MissionId::new("m").ok(), ..any() }, "sessions_mission"),
        (SessionFilter { provider_session_id: ProviderSessionId::new("s").ok(), ..any() }, "sessions_provider_session"),
        (SessionFilter { statuses: vec![SessionStatus::Failed], ..any() }, "sessions_status"),
        (SessionFilter { statuses: vec![SessionStatus::Failed, SessionStatus::Lost], ..any() }, "sessions_newest"),
        (SessionFilter { provider: provider.clone(), ..any() }, "sessions_provider"),
        (SessionFilter { provider, statuses: not_ended.clone(), ..any() }, "sessions_open_provider"),
        (SessionFilter { statuses: vec![SessionStatus::Lost], ..any() }, "sessions_open"),
        (SessionFilter { statuses: not_ended.clone(), ..any() }, "sessions_open"),
    ] {
        let plan = page(filter);
        assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:#?}");
        assert_cheap(&plan);
    }
}

#[test]
fn a_subtree_is_found_from_its_top_down() {
    let plan = page(SessionFilter { subtree: Some(session()), ..SessionFilter::default() });
    assert!(plan.iter().any(|step| step.contains("sessions_parent")), "{plan:#?}");
    assert!(!plan.iter().any(|step| step.contains("SCAN sessions") || step.contains("sessions_newest")), "{plan:#?}");
}

#[test]
fn the_way_up_is_one_lookup_a_level() {
    let plan = plan(|tx| {
        assert!(run(tx.line(session())).expect("read").is_empty());
        assert!(!run(tx.is_within(session(), session())).expect("read"));
    });
    for step in plan.iter().filter(|step| step.contains("sessions") || step.contains("next")) {
        assert!(step.starts_with("SEARCH") && step.ends_with("(id=?)"), "{plan:#?}");
    }
}

#[test]
fn what_has_not_ended_has_an_index_of_its_own() {
    let statuses: Vec<_> = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
    let not_ended = SessionFilter { statuses, ..SessionFilter::default() };
    let plan = plan(|tx| {
        assert_eq!(run(tx.count_sessions(&not_ended)).expect("read"), 0);
        assert_eq!(run(tx.count_open()).expect("read"), 0);
        run(tx.kill_open(None, None, moment())).expect("done");
    });
    let over_sessions: Vec<_> = plan.iter().filter(|step| step.starts_with("SCAN sessions")).collect();
    assert!(over_sessions.len() == 4 && over_sessions.iter().all(|step| step.ends_with("sessions_open")), "{plan:#?}");
}

#[test]
fn who_is_silent_is_found_among_what_has_not_ended() {
    let silence = Silence::longer_than(Duration::from_mins(2), vec![ProviderName::internal()], moment());
    let plan = plan(|tx| assert!(run(tx.silent_sessions(&silence, 9)).expect("read").is_empty()));
    assert_eq!(plan, ["SCAN sessions USING INDEX sessions_open"]);
}

#[test]
fn a_page_of_the_audit_log_is_found_by_an_index() {
    let subtree = AuditFilter { subtree: Some(session()), ..AuditFilter::default() };
    let span = AuditFilter { from: Some(moment()), to: Some(moment()), ..AuditFilter::default() };
    for (filter, index) in [(subtree, "audit_entries_session"), (span, "audit_entries_at")] {
        let plan = plan(|tx| {
            assert!(now(audit::page(tx.connection(), &filter, None, 9)).expect("read").is_empty());
        });
        assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:#?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN audit_entries")), "{plan:#?}");
    }
}

/// Every change of a status asks for open targets, however many operations there ever were.
#[test]
fn operations_are_read_by_their_indexes() {
    let operation = OperationId::new(Uuid::from_u128(1));
    assert_cheap(&plan(|tx| {
        assert!(run(tx.open_targets(session())).expect("read").is_empty());
        assert!(run(tx.operation(operation)).expect("read").is_none());
        let after = Some(TargetCursor { depth: 3, session_id: session() });
        let query = TargetQuery { operation, unseen_only: true, missions: None, after, limit: 10 };
        assert!(run(tx.target_page(&query)).expect("read").targets.is_empty());
    }));
    for (open, index) in
        [(None, "operations_newest"), (Some(true), "operations_open"), (Some(false), "operations_completed")]
    {
        let plan = plan(|tx| {
            let query = OperationQuery { open, missions: None, after: None, limit: 10 };
            assert!(run(tx.operation_page(&query)).expect("read").operations.is_empty());
        });
        assert!(plan.len() == 1 && plan[0].ends_with(index), "{plan:#?}");
    }
}
