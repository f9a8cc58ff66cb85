//! What an agent takes up: what the server tells of sessions that the runner does not see.

use std::collections::HashMap;

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::ports::MessageSlice;
use flightdeck_domain::session::Session;
use flightdeck_domain::system::SystemIds;
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderSessionId};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::Reading;
use serde_json::{Map, Value};

use crate::views::TakenUpThere;

/// The earlier sessions of a conversation, as far as the agent's provider asks about them: when they began, and the last
/// totals.
#[derive(Clone)]
pub(crate) struct Earlier {
    conversation: ProviderSessionId,
    sessions: Vec<Session>,
    totals: Message,
}

impl Earlier {
    /// Reads what the server tells about what a session takes up.
    pub(crate) fn read(taken: &TakenUpThere, session: &Session) -> Option<Self> {
        use flightdeck_domain::ports::IdGenerator as _;
        let conversation = ProviderSessionId::new(taken.conversation.as_str()).ok()?;
        let sessions: Vec<Session> = taken
            .earlier
            .iter()
            .map(|it| Session {
                id: it.agent_id,
                started_at: Some(Timestamp::new(it.began)),
                spawned_at: Timestamp::new(it.began),
                last_seq: Seq::new(1),
                ..session.clone()
            })
            .collect();
        let totals = Map::from_iter([(Reading::TOTALS.to_owned(), Value::Array(taken.totals.clone()))]);
        let totals = Message {
            id: SystemIds.message_id(),
            session_id: sessions.first()?.id,
            seq: Seq::new(1),
            role: MessageRole::System,
            content: MessageContent::new("totals").ok()?,
            provider: session.provider.clone(),
            metadata: JsonObject::new(totals).ok()?,
            created_at: session.spawned_at,
        };
        Some(Self { conversation, sessions, totals })
    }

    /// Whether it is about the conversation that an agent knows so.
    pub(crate) fn is_of(&self, own: &ProviderSessionId) -> bool {
        self.conversation == *own
    }

    /// Whether a session had the conversation.
    pub(crate) fn has(&self, session: SessionId) -> bool {
        self.sessions.iter().any(|earlier| earlier.id == session)
    }

    /// The sessions that had it, the newest first.
    pub(crate) fn into_sessions(self) -> Vec<Session> {
        self.sessions
    }

    /// What is known of the messages of one of the sessions: those of the newest one end with the totals.
    pub(crate) fn messages(self, session: SessionId) -> MessageSlice {
        let messages = if self.totals.session_id == session { vec![self.totals] } else { Vec::new() };
        let status = self.sessions.first().map_or(flightdeck_domain::session::SessionStatus::Completed, |it| it.status);
        MessageSlice { messages, receipts: HashMap::new(), last_seq: Seq::new(1), status }
    }
}
