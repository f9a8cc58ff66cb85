//! Conversations and commands, wherever they are: in the store or in the archive.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;

use crate::command::{Command, CommandKind, Receipt};
use crate::ids::{CommandSeq, MessageId, Seq, SessionId};
use crate::message::{AppendRefused, Message, MessageReceipt, MessageRole, NewMessage};
use crate::ports::{
    AcknowledgeError, AppendError, AppendOutcome, Archive, ArchiveError, CommandQueue, ConversationEnd,
    MessageRepository, MessageSlice, RetentionRepository, StoreUnavailable,
};
use crate::retention::{ArchivedSession, ObjectName};
use crate::time::Timestamp;

/// How many commands are read at once.
const PAGE: usize = 1_000;

/// Where the conversations of archived sessions are.
#[derive(Clone)]
struct Shelf {
    retention: Arc<dyn RetentionRepository>,
    archive: Arc<dyn Archive>,
}

impl Shelf {
    async fn note(&self, session: SessionId) -> Result<Option<ArchivedSession>, StoreUnavailable> {
        self.retention.archived(session).await
    }

    /// What became of those messages that a command brings.
    async fn receipts(
        &self,
        object: &ObjectName,
        messages: &[Message],
    ) -> Result<HashMap<MessageId, MessageReceipt>, ArchiveError> {
        let operators = messages.iter().filter(|said| said.role == MessageRole::Operator);
        let wanted: HashSet<MessageId> = operators.map(|said| said.id).collect();
        let (mut receipts, mut after) = (HashMap::new(), CommandSeq::ZERO);
        while receipts.len() < wanted.len() {
            let page = self.archive.commands_after(object.clone(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for command in page {
                if let CommandKind::Inject { message_id, .. } = command.kind
                    && wanted.contains(&message_id)
                {
                    receipts.insert(message_id, command.into());
                }
            }
        }
        Ok(receipts)
    }

    async fn command(&self, session: SessionId, seq: CommandSeq) -> Result<Option<Command>, StoreUnavailable> {
        let Some(note) = self.note(session).await? else { return Ok(None) };
        let found = self.archive.commands_after(note.object.name, seq.previous(), 1).await?;
        Ok(found.into_iter().find(|command| command.seq == seq))
    }
}

/// Conversations. What the store gives is taken where it is without a hole; otherwise the page is read from the archive.
///
/// The store of a deployment that archives nothing is never asked a second time, and neither is it for a session at work.
#[derive(Clone)]
pub struct ArchivedMessages {
    store: Arc<dyn MessageRepository>,
    shelf: Shelf,
}

impl ArchivedMessages {
    /// Puts an archive behind conversations.
    #[must_use]
    pub fn new(
        store: Arc<dyn MessageRepository>,
        retention: Arc<dyn RetentionRepository>,
        archive: Arc<dyn Archive>,
    ) -> Self {
        Self { store, shelf: Shelf { retention, archive } }
    }

    /// The object of a session of which the store lacks messages.
    async fn object(&self, session: SessionId) -> Result<ObjectName, StoreUnavailable> {
        let note = self.shelf.note(session).await?;
        let lost = || StoreUnavailable::new(format!("the store lacks messages of session {session}, not archived"));
        Ok(note.ok_or_else(lost)?.object.name)
    }
}

/// Whether a part of an ended conversation lacks what follows a place.
fn has_hole_after(slice: &MessageSlice, after: Seq, limit: usize) -> bool {
    limit > 0
        && slice.status.is_terminal()
        && after < slice.last_seq
        && slice.messages.first().is_none_or(|first| first.seq != after.next())
}

/// Whether a part of an ended conversation lacks what comes before a place.
fn has_hole_before(slice: &MessageSlice, before: Seq, limit: usize) -> bool {
    let last = before.previous().min(slice.last_seq);
    limit > 0
        && slice.status.is_terminal()
        && last > Seq::ZERO
        && slice.messages.last().is_none_or(|found| found.seq != last)
}

/// Whether a part of an ended conversation is shorter than it was to be, neither begins the conversation nor ends at its
/// size.
fn may_begin_too_late(slice: &MessageSlice, limit: usize) -> bool {
    let bytes: usize = slice.messages.iter().map(|message| message.content.as_str().len()).sum();
    slice.status.is_terminal()
        && slice.messages.len() < limit
        && bytes < MessageSlice::ENOUGH_BYTES
        && slice.messages.first().is_some_and(|first| first.seq > Seq::new(1))
}

#[async_trait]
impl MessageRepository for ArchivedMessages {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        let refused = match self.store.append(session, batch, at).await {
            Err(AppendError::Refused(AppendRefused::Ended { status, .. })) => status,
            other => return other,
        };
        // Messages that are in the conversation already are not known any more, so "it has ended" would not be the whole truth.
        Err(match self.shelf.note(session).await? {
            Some(_) => AppendRefused::Archived { session, status: refused }.into(),
            None => AppendRefused::Ended { session, status: refused }.into(),
        })
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let Some(slice) = self.store.after(session, after, limit).await? else { return Ok(None) };
        if !has_hole_after(&slice, after, limit) {
            return Ok(Some(slice));
        }
        let object = self.object(session).await?;
        let messages = self.shelf.archive.messages_after(object.clone(), after, limit).await?;
        let receipts = self.shelf.receipts(&object, &messages).await?;
        Ok(Some(MessageSlice { messages, receipts, ..slice }))
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let Some(slice) = self.store.before(session, before, limit).await? else { return Ok(None) };
        if !has_hole_before(&slice, before, limit) {
            // While rows are being removed, a part may begin too late.
            let is_whole = !may_begin_too_late(&slice, limit) || self.shelf.note(session).await?.is_none();
            if is_whole {
                return Ok(Some(slice));
            }
        }
        let object = self.object(session).await?;
        let messages = self.shelf.archive.messages_before(object.clone(), before, limit).await?;
        let receipts = self.shelf.receipts(&object, &messages).await?;
        Ok(Some(MessageSlice { messages, receipts, ..slice }))
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        self.store.ends(sessions).await
    }
}

/// Commands. A command that the store has no more is read from the archive. Those are final: none of them is pending.
#[derive(Clone)]
pub struct ArchivedCommands {
    store: Arc<dyn CommandQueue>,
    shelf: Shelf,
}

impl ArchivedCommands {
    /// Puts an archive behind commands.
    #[must_use]
    pub fn new(
        store: Arc<dyn CommandQueue>,
        retention: Arc<dyn RetentionRepository>,
        archive: Arc<dyn Archive>,
    ) -> Self {
        Self { store, shelf: Shelf { retention, archive } }
    }
}

#[async_trait]
impl CommandQueue for ArchivedCommands {
    async fn pending(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        self.store.pending(session, after, limit).await
    }

    async fn command(&self, session: SessionId, seq: CommandSeq) -> Result<Option<Command>, StoreUnavailable> {
        match self.store.command(session, seq).await? {
            Some(command) => Ok(Some(command)),
            None => self.shelf.command(session, seq).await,
        }
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError> {
        match self.store.acknowledge(session, seq, receipt.clone(), at).await {
            Err(AcknowledgeError::UnknownCommand { session, seq }) => {
                let found = self.shelf.command(session, seq).await?;
                let command = found.ok_or(AcknowledgeError::UnknownCommand { session, seq })?;
                // Its receipt is final, so this is a repetition or is refused.
                Ok(command.acknowledge(receipt, at)?)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{archived, at, command, new_message, session_id};
    use crate::ports::{Hindrance, MockArchive, MockCommandQueue, MockMessageRepository, MockRetentionRepository};
    use crate::session::SessionStatus;
    use crate::text::ProviderName;

    fn message(seq: u64) -> Message {
        new_message(u128::from(seq)).at_seq(Seq::new(seq), session_id(1), ProviderName::internal())
    }

    fn note() -> ArchivedSession {
        ArchivedSession { removed_messages: Seq::new(4), ..archived(session_id(1), 9, 1) }
    }

    /// A store of nine messages that has those from a seq on, an archive that has all, and whether it answers.
    fn history(first: u64, status: SessionStatus, archived: bool, answers: bool) -> ArchivedMessages {
        let mut store = MockMessageRepository::new();
        let slice = move |messages: Vec<Message>| {
            Ok(Some(MessageSlice { messages, receipts: HashMap::new(), last_seq: Seq::new(9), status }))
        };
        store.expect_after().returning(move |_, after, limit| {
            slice((first.max(after.get() + 1)..=9).take(limit).map(message).collect())
        });
        store.expect_before().returning(move |_, before, limit| {
            let mut found: Vec<Message> = (first..before.get().min(10)).rev().take(limit).map(message).collect();
            found.reverse();
            slice(found)
        });
        store.expect_append().returning(move |session, _, _| Err(AppendRefused::Ended { session, status }.into()));
        let mut retention = MockRetentionRepository::new();
        retention.expect_archived().returning(move |_| Ok(archived.then(note)));
        let mut archive = MockArchive::new();
        archive.expect_messages_after().returning(move |object, after, limit| {
            if !answers {
                return Err(ArchiveError::Missing(object));
            }
            Ok((after.get() + 1..=9).take(limit).map(message).collect())
        });
        archive.expect_messages_before().returning(|_, before, limit| {
            let mut found: Vec<Message> = (1..before.get().min(10)).rev().take(limit).map(message).collect();
            found.reverse();
            Ok(found)
        });
        ArchivedMessages::new(Arc::new(store), Arc::new(retention), Arc::new(archive))
    }

    async fn seqs(history: &ArchivedMessages, after: u64, limit: usize) -> Vec<u64> {
        let slice = history.after(session_id(1), Seq::new(after), limit).await.expect("read").expect("a session");
        assert_eq!(slice.last_seq, Seq::new(9));
        slice.messages.iter().map(|message| message.seq.get()).collect()
    }

    #[tokio::test]
    async fn a_page_has_no_hole_however_much_is_removed() {
        for first in 1..=10 {
            let history = history(first, SessionStatus::Completed, true, true);
            assert_eq!(seqs(&history, 0, 3).await, [1, 2, 3], "from {first} on");
            assert_eq!(seqs(&history, 3, 3).await, [4, 5, 6], "from {first} on");
            assert_eq!(seqs(&history, 7, 3).await, [8, 9], "from {first} on");
            assert_eq!(seqs(&history, 9, 3).await, Vec::<u64>::new(), "from {first} on");
            let slice = history.before(session_id(1), Seq::new(u64::MAX), 2).await.expect("read").expect("a session");
            assert_eq!(slice.messages, [message(8), message(9)], "from {first} on");
            let slice = history.before(session_id(1), Seq::new(3), 9).await.expect("read").expect("a session");
            assert_eq!(slice.messages, [message(1), message(2)], "from {first} on");
        }
    }

    #[tokio::test]
    async fn an_archive_that_is_away_is_no_empty_page() {
        let away = history(5, SessionStatus::Completed, true, false);
        let error = away.after(session_id(1), Seq::ZERO, 3).await.expect_err("away");
        assert_eq!(error.hindrance(), Hindrance::Archive);
        let lost = history(5, SessionStatus::Completed, false, true);
        let error = lost.after(session_id(1), Seq::ZERO, 3).await.expect_err("messages are missing, and not archived");
        assert_eq!(error.hindrance(), Hindrance::Other);
        assert_eq!(seqs(&history(1, SessionStatus::Running, false, false), 0, 2).await, [1, 2], "nobody asks it");
    }

    #[tokio::test]
    async fn an_append_says_whether_the_conversation_is_archived() {
        for (archived, expected) in [(true, "archived"), (false, "ended")] {
            let history = history(1, SessionStatus::Completed, archived, true);
            let told = match history.append(session_id(1), vec![new_message(1)], at(1)).await {
                Err(AppendError::Refused(AppendRefused::Archived { .. })) => "archived",
                Err(AppendError::Refused(AppendRefused::Ended { .. })) => "ended",
                other => panic!("{other:?}"),
            };
            assert_eq!(told, expected);
        }
    }

    #[tokio::test]
    async fn a_command_is_found_and_acknowledged_in_the_archive() {
        let mut done = command(1, CommandKind::Pause);
        done.receipt = Receipt::Consumed;
        let mut store = MockCommandQueue::new();
        store.expect_command().returning(|_, _| Ok(None));
        store
            .expect_acknowledge()
            .returning(|session, seq, _, _| Err(AcknowledgeError::UnknownCommand { session, seq }));
        let mut retention = MockRetentionRepository::new();
        retention.expect_archived().returning(|_| Ok(Some(note())));
        let mut archive = MockArchive::new();
        let found = done.clone();
        archive
            .expect_commands_after()
            .returning(move |_, after, _| Ok(if after.get() == 0 { vec![found.clone()] } else { vec![] }));
        let commands = ArchivedCommands::new(Arc::new(store), Arc::new(retention), Arc::new(archive));
        let (one, two) = (CommandSeq::new(1), CommandSeq::new(2));
        assert_eq!(commands.command(session_id(1), one).await.expect("read"), Some(done.clone()));
        assert_eq!(commands.command(session_id(1), two).await.expect("read"), None);
        let again = commands.acknowledge(session_id(1), one, Receipt::Consumed, at(9)).await.expect("a repetition");
        assert_eq!(again, done);
        let other = commands.acknowledge(session_id(1), one, Receipt::Cancelled, at(9)).await;
        assert!(matches!(other, Err(AcknowledgeError::Final(_)) | Ok(_)), "{other:?}");
        let unknown = commands.acknowledge(session_id(1), two, Receipt::Consumed, at(9)).await;
        assert!(matches!(unknown, Err(AcknowledgeError::UnknownCommand { .. })), "{unknown:?}");
    }
}
