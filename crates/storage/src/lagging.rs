//! Reads that may lag, from a copy of the store; what the copy lacks is read from the store.
//!
//! *Invariant.* Who reads here gets every message and entry that was acknowledged before the call, as from the store itself.
//! For a page of a conversation the store is asked for the end of the conversation, one row, while the copy is asked for the
//! page. A page that should reach further than it does is read from the store. So no place that a client got from the store
//! is taken for one beyond the end, whatever the copy has of it. What may lag are the receipts beside the messages.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::ids::{AuditSeq, Seq, SessionId};
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, AuditFilter, AuditHeadError, AuditLog, AuditLogError, ConversationEnd, CopyState,
    MessageRepository, MessageSlice, ReadCopy, StoreUnavailable,
};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::Ports;
use futures_util::future::join;

/// Ports for whoever reads history. All that they write, and whatever is about the present, goes to the store itself.
#[derive(Clone)]
pub struct LaggingReads {
    messages: Arc<dyn MessageRepository>,
    audit: Arc<dyn AuditLog>,
    copy: Arc<dyn ReadCopy>,
}

impl LaggingReads {
    /// Takes the ports of the store, and a copy of it.
    #[must_use]
    pub fn new(ports: &Ports, copy: Arc<dyn ReadCopy>) -> Self {
        Self { messages: Arc::clone(&ports.messages), audit: Arc::clone(&ports.audit), copy }
    }

    /// The copy.
    #[must_use]
    pub fn copy(&self) -> Arc<dyn ReadCopy> {
        Arc::clone(&self.copy)
    }

    /// The conversations.
    #[must_use]
    pub fn messages(&self) -> Arc<dyn MessageRepository> {
        Arc::new(self.clone())
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.clone())
    }

    fn is_read(&self) -> bool {
        self.copy.state() == CopyState::Read
    }

    /// A page of the copy beside the end that the store knows; `None` when either is missing.
    async fn page(
        &self,
        session: SessionId,
        page: impl Future<Output = Option<MessageSlice>>,
    ) -> Result<Option<(MessageSlice, ConversationEnd)>, StoreUnavailable> {
        let (page, ends) = join(page, self.messages.ends(vec![session])).await;
        Ok(page.zip(ends?.pop()))
    }
}

#[async_trait]
impl MessageRepository for LaggingReads {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.messages.append(session, batch, at).await
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        if self.is_read()
            && let Some((page, end)) = self.page(session, self.copy.messages_after(session, after, limit)).await?
            && page.is_whole_after(after, limit, end.last_seq)
        {
            return Ok(Some(page.at_end(end)));
        }
        self.messages.after(session, after, limit).await
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        if self.is_read()
            && let Some((page, end)) = self.page(session, self.copy.messages_before(session, before, limit)).await?
            && page.is_whole_before(before, limit, end.last_seq)
        {
            return Ok(Some(page.at_end(end)));
        }
        self.messages.before(session, before, limit).await
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        self.messages.ends(sessions).await
    }
}

#[async_trait]
impl AuditLog for LaggingReads {
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        self.audit.page(filter, before, limit).await
    }

    /// A full page of the copy is that of the store, because the log only grows. Any other may lack what is new.
    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        match self.copy.audit_entries(after, limit).await {
            Some(page) if page.len() >= limit => Ok(page),
            _ => self.audit.walk(after, limit).await,
        }
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        self.audit.head().await
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable> {
        self.audit.keep_checkpoint(checkpoint).await
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        self.audit.checkpoints(after, limit).await
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        self.audit.newest_checkpoint().await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use flightdeck_domain::ids::MessageId;
    use flightdeck_domain::message::{Message, MessageRole};
    use flightdeck_domain::ports::{MockAuditLog, MockMessageRepository, MockReadCopy};
    use flightdeck_domain::session::SessionStatus;
    use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName};
    use uuid::Uuid;

    use super::*;

    const PAGE: usize = 3;

    fn session_id(number: u128) -> SessionId {
        SessionId::new(Uuid::from_u128(number))
    }

    fn slice(seqs: std::ops::Range<u64>, last_seq: u64) -> MessageSlice {
        let message = |seq: u64| Message {
            id: MessageId::new(Uuid::from_u128(u128::from(seq))),
            session_id: session_id(1),
            seq: Seq::new(seq),
            role: MessageRole::User,
            content: MessageContent::new("hello").expect("valid"),
            provider: ProviderName::internal(),
            metadata: JsonObject::default(),
            created_at: Timestamp::FIRST,
        };
        let (messages, receipts) = (seqs.map(message).collect(), HashMap::new());
        MessageSlice { messages, receipts, last_seq: Seq::new(last_seq), status: SessionStatus::Running }
    }

    /// A store whose conversation ends at a place, and what its copy gives. What the store gives for a page has no
    /// messages, so it is told apart.
    fn reads(end: u64, copied: Option<MessageSlice>) -> LaggingReads {
        let (mut store, mut copy) = (MockMessageRepository::new(), MockReadCopy::new());
        let (status, last_seq) = (SessionStatus::Completed, Seq::new(end));
        store.expect_ends().returning(move |ids| {
            Ok(ids.into_iter().map(|session| ConversationEnd { session, last_seq, status }).collect())
        });
        store.expect_after().returning(move |_, _, _| Ok(Some(slice(1..1, 0))));
        store.expect_before().returning(move |_, _, _| Ok(Some(slice(1..1, 0))));
        copy.expect_state().return_const(CopyState::Read);
        let again = copied.clone();
        copy.expect_messages_after().returning(move |_, _, _| copied.clone());
        copy.expect_messages_before().returning(move |_, _, _| again.clone());
        LaggingReads { messages: Arc::new(store), audit: Arc::new(MockAuditLog::new()), copy: Arc::new(copy) }
    }

    /// The seqs of a page from the copy with the end that is told; `None` for a page from the store.
    fn told(page: Result<Option<MessageSlice>, StoreUnavailable>) -> Option<(Vec<u64>, u64)> {
        let page = page.expect("read").expect("a session");
        let seqs = page.messages.iter().map(|message| message.seq.get()).collect();
        (page.last_seq != Seq::ZERO).then_some((seqs, page.last_seq.get()))
    }

    async fn after(end: u64, copied: MessageSlice, after: u64) -> Option<(Vec<u64>, u64)> {
        told(reads(end, Some(copied)).after(session_id(1), Seq::new(after), PAGE).await)
    }

    async fn before(end: u64, copied: MessageSlice, before: u64) -> Option<(Vec<u64>, u64)> {
        told(reads(end, Some(copied)).before(session_id(1), Seq::new(before), PAGE).await)
    }

    #[tokio::test]
    async fn a_page_is_read_from_the_copy_when_it_lacks_nothing() {
        assert_eq!(after(9, slice(1..4, 5), 0).await, Some((vec![1, 2, 3], 9)), "full, and with the store's end");
        assert_eq!(after(5, slice(4..6, 5), 3).await, Some((vec![4, 5], 5)), "to the end");
        assert_eq!(after(5, slice(6..6, 5), 5).await, Some((vec![], 5)), "at the end");
        assert_eq!(after(9, slice(4..5, 6), 3).await, Some((vec![4], 9)), "cut by its size");
        assert_eq!(after(5, slice(4..7, 6), 3).await, Some((vec![4, 5, 6], 6)), "asked a moment later");
        assert_eq!(before(9, slice(2..5, 5), 5).await, Some((vec![2, 3, 4], 9)));
        assert_eq!(before(5, slice(3..6, 5), 100).await, Some((vec![3, 4, 5], 5)), "the newest");
        assert_eq!(before(0, slice(1..1, 1), 1).await, Some((vec![], 1)), "before the first");
    }

    #[tokio::test]
    async fn what_the_copy_lacks_is_read_from_the_store() {
        assert_eq!(after(5, slice(1..1, 4), 4).await, None, "the message that was just acknowledged");
        assert_eq!(after(9, slice(1..1, 4), 7).await, None, "a place that the copy has not reached");
        assert_eq!(after(9, slice(4..6, 5), 3).await, None, "a page that ends too early");
        assert_eq!(before(9, slice(3..6, 5), 10).await, None, "the newest are missing");
        assert_eq!(before(9, slice(3..6, 5), 7).await, None, "the one before the place is missing");
    }

    #[tokio::test]
    async fn the_store_is_read_when_the_copy_does_not_know_the_session_or_is_away() {
        let reads = reads(1, None);
        assert_eq!(told(reads.after(session_id(1), Seq::ZERO, PAGE).await), None);
        assert_eq!(told(reads.before(session_id(1), Seq::new(9), PAGE).await), None);
    }

    #[tokio::test]
    async fn the_state_is_that_of_the_store() {
        let reads = reads(9, Some(slice(1..4, 5)));
        let page = reads.after(session_id(1), Seq::ZERO, PAGE).await.expect("read").expect("a session");
        assert_eq!((page.last_seq.get(), page.status), (9, SessionStatus::Completed));
    }

    #[tokio::test]
    async fn a_short_page_of_the_audit_log_is_read_from_the_store() {
        let (mut store, mut copy) = (MockAuditLog::new(), MockReadCopy::new());
        store.expect_walk().times(1).returning(|_, _| Ok(Vec::new()));
        copy.expect_audit_entries().returning(|_, _| Some(Vec::new()));
        let messages = Arc::new(MockMessageRepository::new());
        let reads = LaggingReads { messages, audit: Arc::new(store), copy: Arc::new(copy) };
        assert!(reads.walk(AuditSeq::ZERO, 1).await.expect("read").is_empty());
        assert!(reads.walk(AuditSeq::ZERO, 0).await.expect("read").is_empty(), "a full page");
    }
}
