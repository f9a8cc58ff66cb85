//! Conversations.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, ConversationEnd, MessageRepository, MessageSlice, StoreUnavailable,
};
use flightdeck_domain::time::Timestamp;

use crate::SqliteStore;
use crate::append::Append;
use crate::error::StoreError;
use crate::lease::come_back;
use crate::session::control;
use crate::tables::{commands, messages, sessions};
use crate::usage::book;

#[async_trait]
impl MessageRepository for SqliteStore {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.writer.append(Append { session, batch, at }).await
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let slice = self.readers.read(move |connection| {
            slice(connection, session, |connection| messages::after(connection, session, after, limit))
        });
        Ok(slice.await?)
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let slice = self.readers.read(move |connection| {
            slice(connection, session, |connection| messages::before(connection, session, before, limit))
        });
        Ok(slice.await?)
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| sessions::ends(connection, &sessions)).await?)
    }
}

/// One append with all facts: for one message of a session without commands, four statements that stay prepared.
pub(crate) fn append(
    connection: &mut SqliteConnection,
    id: SessionId,
    batch: Vec<NewMessage>,
    at: Timestamp,
) -> Result<AppendOutcome, AppendError> {
    let session = sessions::head(connection, id)?.ok_or(AppendError::UnknownSession(id))?;
    let back = come_back(connection, &session, at)?;
    let came_back = back.is_some();
    let session = back.unwrap_or(session);
    let known = match session.last_seq {
        Seq::ZERO => HashMap::new(),
        _ => messages::known(connection, id, &batch)?,
    };
    let plan = session.append(batch, &known)?;
    messages::insert(connection, &plan.insert)?;
    sessions::touch(connection, &session, plan.last_seq, at)?;
    let exhausted = book(connection, &session, plan.used, at)?;
    let control = control(connection, &session)?;
    Ok(AppendOutcome {
        appended: plan.appended,
        inserted: plan.insert,
        last_seq: plan.last_seq,
        control,
        came_back,
        exhausted,
    })
}

/// Part of a conversation with the state of the whole; `None` when there is no such session.
fn slice(
    connection: &mut SqliteConnection,
    session: SessionId,
    read: impl FnOnce(&mut SqliteConnection) -> Result<Vec<Message>, StoreError>,
) -> Result<Option<MessageSlice>, StoreError> {
    let Some(session) = sessions::head(connection, session)? else { return Ok(None) };
    let messages = read(connection)?;
    let receipts = commands::receipts(connection, session.id, &messages)?;
    Ok(Some(MessageSlice { messages, receipts, last_seq: session.last_seq, status: session.status }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use diesel::connection::{Connection, InstrumentationEvent};
    use flightdeck_domain::message::MessageRole;
    use flightdeck_domain::session::{Admission, Registration, SessionStatus, TreeFacts};
    use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, TaskId, TaskSource};
    use uuid::Uuid;

    use super::*;
    use crate::connection::DatabaseFile;

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
        let mut connection = file.writer().expect("opened");
        crate::migrations::migrate(&file, &mut connection).expect("migrated");
        let Ok(Admission::Create { session, .. }) = registration().admit(TreeFacts::default()) else {
            panic!("refused")
        };
        sessions::insert(&mut connection, &session).expect("inserted");

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
            append(&mut connection, session.id, vec![message(n)], at()).expect("appended");
        }
        let seen = seen.lock().expect("one thread");
        assert_eq!(seen.ran.len(), 3 + 4 + 4, "the first has no messages to look up: {:#?}", seen.ran);
        for statement in &seen.ran {
            let sql = statement.split(" -- binds").next().expect("a statement");
            assert!(seen.prepared.contains(sql), "prepared anew each time: {sql}");
            assert!(!sql.contains("LIMIT ?"), "planned anew each time: {sql}");
        }
    }
}
