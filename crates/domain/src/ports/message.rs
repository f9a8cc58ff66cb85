//! Conversations.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{AppendOutcome, StoreUnavailable};
use crate::ids::{MessageId, Seq, SessionId};
use crate::message::{AppendRefused, Message, MessageReceipt, NewMessage};
use crate::session::{Session, SessionStatus};
use crate::time::Timestamp;

/// Why a batch was not appended. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] AppendRefused),
    /// The store cannot.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A run of a conversation, with the state of the whole at the same moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSlice {
    /// The messages, by rising seq, dense.
    pub messages: Vec<Message>,
    /// What became of each operator's message among them.
    pub receipts: HashMap<MessageId, MessageReceipt>,
    /// The newest seq: also the number of messages, for they are dense.
    pub last_seq: Seq,
    /// The session's status. When it is terminal, nothing follows `last_seq`, ever.
    pub status: SessionStatus,
}

/// Where a conversation ends at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationEnd {
    /// Whose conversation it is.
    pub session: SessionId,
    /// The newest seq.
    pub last_seq: Seq,
    /// The session's status. When it is terminal, nothing follows `last_seq`, ever.
    pub status: SessionStatus,
}

impl MessageSlice {
    /// A run ends before a message when those before it have so many bytes of content and metadata: a thousand messages of
    /// the largest kind would be a gigabyte in memory. So every run but an empty one has at least one message.
    pub const ENOUGH_BYTES: usize = 4 * 1_048_576;

    /// The run after a place, out of a whole conversation, which is dense. For a store that has it at hand, and no commands:
    /// there is no receipt in it.
    #[must_use]
    pub fn after(session: &Session, conversation: &[Message], after: Seq, limit: usize) -> Self {
        Self::of(session, Self::enough(conversation.iter().skip(place(after)).take(limit)))
    }

    /// The run before a place, out of a whole conversation, as [`MessageSlice::after`].
    #[must_use]
    pub fn before(session: &Session, conversation: &[Message], before: Seq, limit: usize) -> Self {
        let end = place(before.previous()).min(conversation.len());
        let mut messages = Self::enough(conversation.iter().take(end).rev().take(limit));
        messages.reverse();
        Self::of(session, messages)
    }

    fn of(session: &Session, messages: Vec<Message>) -> Self {
        Self { messages, receipts: HashMap::new(), last_seq: session.last_seq, status: session.status }
    }

    /// As many of the messages as make up one run, in the order in which they count. For a store that has them at hand.
    #[must_use]
    pub fn enough<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<Message> {
        let mut bytes = 0;
        let is_needed = |message: &&Message| {
            let before = bytes;
            bytes += message.content.as_str().len() + message.metadata.length();
            before < Self::ENOUGH_BYTES
        };
        messages.take_while(is_needed).cloned().collect()
    }
}

/// The element of a dense conversation from which on it lies after a place.
fn place(seq: Seq) -> usize {
    usize::try_from(seq.get()).unwrap_or(usize::MAX)
}

/// Keeps conversations.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send + Sync {
    /// Appends a batch whole or not at all, under the rules of [`crate::session::Session::append`]. When it returns,
    /// the batch is durable. Seqs are given in commit order: a reader that has seen seq `n` will never see a lower one
    /// appear later. Counts as a sign of life of the session at `at`: a lost one comes back in the same
    /// transaction under the rule of [`crate::session::Session::come_back`], and the message that tells of it stands before
    /// the batch. A batch that is refused brings nobody back.
    ///
    /// What the inserted messages say about usage ([`crate::message::AppendPlan::used`]) is booked in the same transaction
    /// on every account that it belongs to ([`crate::usage::AccountKey::of`]), by the rule of
    /// [`crate::usage::Account::book`].
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError>;

    /// At most `limit` messages after a place, in order, and fewer when [`MessageSlice::ENOUGH_BYTES`] are reached; `None`
    /// when there is no such session. Costs the same at any depth.
    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable>;

    /// The last `limit` messages before a place, in order, and fewer when [`MessageSlice::ENOUGH_BYTES`] are reached, of
    /// which the last ones count first; `None` when there is no such session. Costs the same at any depth.
    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable>;

    /// Where many conversations end, read at once, in any order. Sessions that are not there are left out. As given here it
    /// reads one after the other.
    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        let mut ends = Vec::with_capacity(sessions.len());
        for session in sessions {
            if let Some(MessageSlice { last_seq, status, .. }) = self.after(session, Seq::ZERO, 0).await? {
                ends.push(ConversationEnd { session, last_seq, status });
            }
        }
        Ok(ends)
    }
}
