//! Conversations.

use std::collections::HashMap;

use async_trait::async_trait;

use super::run::run;
use super::session::control;
use super::status_change;
use super::usage::{Booking, book};
use crate::ids::{Seq, SessionId};
use crate::message::NewMessage;
use crate::ports::{
    AppendError, AppendOutcome, ConversationEnd, MessageRepository, MessageSlice, StoreUnavailable, TalkRows,
    Transactional, Tx,
};
use crate::time::Timestamp;

/// One append with all facts.
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn append<T: Tx>(
    tx: &mut T,
    id: SessionId,
    batch: Vec<NewMessage>,
    at: Timestamp,
) -> Result<AppendOutcome, AppendError> {
    let session = tx.lock_head(id).await?.ok_or(AppendError::UnknownSession(id))?;
    let back = status_change::come_back(tx, &session, at).await?;
    let came_back = back.is_some();
    let session = back.unwrap_or(session);
    let known = match session.last_seq {
        Seq::ZERO => HashMap::new(),
        _ => tx.known_messages(id, &batch).await?,
    };
    let plan = session.append(batch, &known)?;
    tx.insert_messages(&plan.insert).await?;
    tx.touch_session(&session, plan.last_seq, at).await?;
    let exhausted = !book(tx, &[Booking { session: &session, used: &plan.used, at }]).await?.is_empty();
    let control = control(tx, &session).await?;
    Ok(plan.outcome(control, came_back, exhausted))
}

#[async_trait]
impl<S: Transactional> MessageRepository for S {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        Transactional::append(self, session, batch, at).await
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        run!(self.read, (session, after, limit), |tx| tx.messages_after(session, after, limit)).await
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        run!(self.read, (session, before, limit), |tx| tx.messages_before(session, before, limit)).await
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        run!(self.read, (sessions), |tx| tx.conversation_ends(&sessions)).await
    }
}
