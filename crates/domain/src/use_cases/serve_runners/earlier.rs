//! What the sessions have used that an agent's session takes up.

use std::sync::Arc;

use crate::ids::{Seq, SessionId};
use crate::ports::{MessageRepository, SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::Session;
use crate::text::{ProviderName, ProviderSessionId};
use crate::time::Timestamp;
use crate::usage::Reading;

/// So many earlier sessions are looked into at most.
const SESSIONS: usize = 10;
/// So many messages are read at once.
const PAGE: usize = 200;
/// So often, of one session.
const PAGES: usize = 25;

/// The conversation that an agent takes up. A runner sees no sessions but its own, so it is told what it needs of the
/// earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub struct TakenUp {
    /// The agent's own id of the conversation.
    pub conversation: ProviderSessionId,
    /// The sessions that had it, the newest first.
    pub earlier: Vec<EarlierSession>,
    /// The running totals that the newest of them told which told any: where the agent's counter goes on.
    pub totals: Vec<Reading>,
}

/// A session that had the same conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierSession {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub began: Timestamp,
}

/// Finds what an agent takes up.
#[derive(Clone)]
pub(super) struct FindEarlier {
    pub(super) sessions: Arc<dyn SessionRepository>,
    pub(super) messages: Arc<dyn MessageRepository>,
}

impl FindEarlier {
    /// What a session takes up whose agent is started by these providers; `None` when its context names no conversation.
    pub(super) async fn of(
        &self,
        session: &Session,
        offered: Option<ProviderName>,
    ) -> Result<Option<TakenUp>, StoreUnavailable> {
        let Some(conversation) = ProviderSessionId::resumed(&session.context) else { return Ok(None) };
        // It began at a runner, or at a server that ran the agent itself.
        let mut earlier = Vec::new();
        for provider in [Some(session.provider.clone()), offered.filter(|offered| *offered != session.provider)] {
            let Some(provider) = provider else { continue };
            let filter = SessionFilter {
                provider: Some(provider),
                provider_session_id: Some(conversation.clone()),
                ..SessionFilter::default()
            };
            let query = SessionQuery { filter, after: None, limit: SESSIONS, heads_only: true };
            earlier.extend(self.sessions.list(query).await?.sessions);
        }
        earlier.retain(|other| other.id != session.id);
        earlier.sort_by_key(|other| std::cmp::Reverse((other.spawned_at, other.id)));
        earlier.truncate(SESSIONS);
        let mut totals = Vec::new();
        for other in &earlier {
            totals = self.totals(other).await?;
            if !totals.is_empty() {
                break;
            }
        }
        let began = |other: &Session| other.started_at.unwrap_or(other.spawned_at);
        let earlier = earlier.iter().map(|other| EarlierSession { id: other.id, began: began(other) }).collect();
        Ok(Some(TakenUp { conversation, earlier, totals }))
    }

    /// The last totals that a session told; empty when it told none among its newest messages.
    async fn totals(&self, session: &Session) -> Result<Vec<Reading>, StoreUnavailable> {
        let mut before = session.last_seq.next();
        for _ in 0..PAGES {
            let Some(slice) = self.messages.before(session.id, before, PAGE).await? else { break };
            let totals = |metadata: &crate::text::JsonObject| {
                serde_json::from_value(metadata.as_map().get(Reading::TOTALS)?.clone()).ok()
            };
            if let Some(found) = slice.messages.iter().rev().find_map(|message| totals(&message.metadata)) {
                return Ok(found);
            }
            match slice.messages.first() {
                Some(first) if first.seq > Seq::new(1) => before = first.seq,
                _ => break,
            }
        }
        Ok(Vec::new())
    }
}
