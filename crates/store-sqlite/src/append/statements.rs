//! An append costs few statements, and all of them stay prepared.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::{MessageRole, NewMessage};
use flightdeck_domain::ports::SessionRows as _;
use flightdeck_domain::session::{Admission, Registration, SessionStatus, TreeFacts};
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, TaskId, TaskSource};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::transactions::append;
use flightdeck_store_sql::tx::SqlTx;
use uuid::Uuid;

use crate::connection::DatabaseFile;
use crate::tx::{Embedded, run};

#[derive(Default)]
struct Seen {
    prepared: BTreeSet<String>,
    ran: Vec<String>,
}

fn at() -> Timestamp {
    Timestamp::from_micros(0).expect("a moment")
}

fn registration() -> Registration {
    Registration {
        id: SessionId::new(Uuid::from_u128(1)),
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
        at: at(),
    }
}

fn message(n: u128) -> NewMessage {
    NewMessage {
        id: flightdeck_domain::ids::MessageId::new(Uuid::from_u128(n)),
        role: MessageRole::Assistant,
        content: MessageContent::new("hello").expect("valid"),
        metadata: JsonObject::default(),
        created_at: at(),
    }
}

#[test]
fn an_append_is_four_statements_that_stay_prepared() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::prepare(&folder.path().join("flightdeck.db")).expect("made");
    let mut connection = SqlTx(Embedded(file.writer().expect("opened")));
    crate::migrations::migrate(&file, &mut connection).expect("migrated");
    let Ok(Admission::Create { session, .. }) = registration().admit(TreeFacts::default()) else { panic!("refused") };
    run(connection.insert_session(&session)).expect("inserted");

    let seen = Arc::new(Mutex::new(Seen::default()));
    let notes = Arc::clone(&seen);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        let mut seen = notes.lock().expect("one thread");
        match event {
            InstrumentationEvent::CacheQuery { sql, .. } => drop(seen.prepared.insert(sql.to_owned())),
            InstrumentationEvent::StartQuery { query, .. } => seen.ran.push(query.to_string()),
            _ => {}
        }
    });
    for n in 1..=3 {
        run(append(&mut connection, session.id, vec![message(n)], at())).expect("appended");
    }
    let seen = seen.lock().expect("one thread");
    assert_eq!(seen.ran.len(), 3 + 4 + 4, "the first has no messages to look up: {:#?}", seen.ran);
    for statement in &seen.ran {
        let sql = statement.split(" -- binds").next().expect("a statement");
        assert!(seen.prepared.contains(sql), "prepared anew each time: {sql}");
        assert!(!sql.contains("LIMIT ?"), "planned anew each time: {sql}");
    }
}
