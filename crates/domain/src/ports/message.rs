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
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// A part of a conversation, with the state of the whole at the same moment.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSlice {
    /// The messages, by rising seq, dense.
    pub messages: Vec<Message>,
    /// The receipts of the operator's messages among them.
    pub receipts: HashMap<MessageId, MessageReceipt>,
    /// The newest seq. It is also the number of messages, because seqs are dense.
    pub last_seq: Seq,
    /// The session's status. When it is terminal, nothing ever follows `last_seq`.
    pub status: SessionStatus,
}

/// The end of a conversation at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationEnd {
    /// The session of the conversation.
    pub session: SessionId,
    /// The newest seq.
    pub last_seq: Seq,
    /// The session's status. When it is terminal, nothing ever follows `last_seq`.
    pub status: SessionStatus,
}

impl MessageSlice {
    /// A part ends before a message when the messages before it have this many bytes of content and metadata, because a
    /// thousand messages of the largest size would be a gigabyte in memory. So every part that is not empty has at
    /// least one message.
    pub const ENOUGH_BYTES: usize = 4 * 1_048_576;

    /// The part after a place, of a whole dense conversation. For a store that has the conversation in memory and has
    /// no commands: the part has no receipts.
    #[must_use]
    pub fn after(session: &Session, conversation: &[Message], after: Seq, limit: usize) -> Self {
        Self::of(session, Self::enough(conversation.iter().skip(place(after)).take(limit)))
    }

    /// The part before a place, of a whole conversation, as [`MessageSlice::after`].
    #[must_use]
    pub fn before(session: &Session, conversation: &[Message], before: Seq, limit: usize) -> Self {
        let end = place(before.previous()).min(conversation.len());
        let mut messages = Self::enough(conversation.iter().take(end).rev().take(limit));
        messages.reverse();
        Self::of(session, messages)
    }

    /// Whether this part, which a copy of the store gave for the messages after a place, is what the store itself gives:
    /// nothing is missing that the store has, up to the limit. `end` is the end that the store knows.
    #[must_use]
    pub fn is_whole_after(&self, after: Seq, limit: usize, end: Seq) -> bool {
        let reached = self.messages.last().map_or(after, |last| last.seq);
        // The copy itself has more: the part ended at its size.
        let was_cut = !self.messages.is_empty() && reached < self.last_seq;
        reached >= end || self.messages.len() >= limit || was_cut
    }

    /// The same for the last messages before a place.
    #[must_use]
    pub fn is_whole_before(&self, before: Seq, limit: usize, end: Seq) -> bool {
        let newest = before.previous().min(end);
        limit == 0 || self.messages.last().map_or(Seq::ZERO, |last| last.seq) >= newest
    }

    /// The part with the state of the whole as the store itself knows it.
    #[must_use]
    pub fn at_end(self, end: ConversationEnd) -> Self {
        // The copy may have been asked a moment later.
        if self.last_seq > end.last_seq {
            return self;
        }
        Self { last_seq: end.last_seq, status: end.status, ..self }
    }

    fn of(session: &Session, messages: Vec<Message>) -> Self {
        Self { messages, receipts: HashMap::new(), last_seq: session.last_seq, status: session.status }
    }

    /// As many of the messages as fit into one part, in the order in which they count. For a store that has them in
    /// memory.
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

/// The first element of a dense conversation after a place.
fn place(seq: Seq) -> usize {
    usize::try_from(seq.get()).unwrap_or(usize::MAX)
}

/// Keeps conversations.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send + Sync {
    /// Appends a batch whole or not at all, under the rules of [`crate::session::Session::append`]. When it returns,
    /// the batch is durable. Seqs are assigned in commit order: a reader that has seen seq `n` never sees a lower one
    /// appear later. The append is a sign of life of the session at `at`: a lost session comes back in the same
    /// transaction under the rule of [`crate::session::Session::come_back`], and the message that says so is before the
    /// batch. A refused batch brings no session back.
    ///
    /// The usage that the inserted messages report ([`crate::message::AppendPlan::used`]) is booked in the same
    /// transaction on every account that it belongs to ([`crate::usage::AccountKey::of`]), by the rule of
    /// [`crate::usage::Account::book`].
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError>;

    /// Gives at most `limit` messages after a place, in order, and fewer when [`MessageSlice::ENOUGH_BYTES`] are
    /// reached; `None` when there is no such session. The cost does not depend on the place.
    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable>;

    /// Gives the last `limit` messages before a place, in order, and fewer when [`MessageSlice::ENOUGH_BYTES`] are
    /// reached, where the last messages count first; `None` when there is no such session. The cost does not depend on
    /// the place.
    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable>;

    /// Gives the ends of many conversations, read at once, in any order. Sessions that do not exist are left out. The
    /// default implementation reads one after the other.
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
