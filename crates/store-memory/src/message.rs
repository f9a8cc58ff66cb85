//! Conversations.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use flightdeck_domain::command::CommandKind;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt, MessageRole, NewMessage};
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, ConversationEnd, MessageRepository, MessageSlice, StoreUnavailable,
};
use flightdeck_domain::time::Timestamp;

use crate::MemoryStore;
use crate::state::{Entry, index};

#[async_trait]
impl MessageRepository for MemoryStore {
    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        let mut state = self.state();
        let entry = state.sessions.get_mut(&session).ok_or(AppendError::UnknownSession(session))?;
        let known: HashMap<_, _> =
            batch.iter().filter_map(|new| entry.message(new.id)).map(|message| (message.id, message.clone())).collect();
        let back = entry.session.come_back(at);
        let plan = back.as_ref().map_or(&entry.session, |change| &change.session).append(batch, &known)?;
        let came_back = back.is_some();
        if let Some(change) = back {
            state.write_change(change);
        }
        let entry = state.sessions.get_mut(&session).ok_or(AppendError::UnknownSession(session))?;
        for message in &plan.insert {
            entry.push(message.clone());
        }
        entry.session.last_seq = plan.last_seq;
        entry.seen(at);
        let control = entry.control();
        let exhausted = state.book(session, plan.used, at);
        Ok(AppendOutcome {
            appended: plan.appended,
            inserted: plan.insert,
            last_seq: plan.last_seq,
            control,
            came_back,
            exhausted,
        })
    }

    async fn after(
        &self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        let from = index(after.get());
        Ok(self.state().sessions.get(&session).map(|entry| entry.slice(entry.messages.iter().skip(from).take(limit))))
    }

    async fn before(
        &self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> Result<Option<MessageSlice>, StoreUnavailable> {
        Ok(self.state().sessions.get(&session).map(|entry| {
            let end = index(before.get()).saturating_sub(1).min(entry.messages.len());
            let mut slice = entry.slice(entry.messages.iter().take(end).rev().take(limit));
            slice.messages.reverse();
            slice
        }))
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        let state = self.state();
        Ok(sessions.iter().filter_map(|id| state.sessions.get(id)).map(Entry::end).collect())
    }
}

impl Entry {
    fn end(&self) -> ConversationEnd {
        ConversationEnd { session: self.session.id, last_seq: self.session.last_seq, status: self.session.status }
    }

    /// The messages of a range of places, as much of it as there is.
    fn slice<'a>(&self, wanted: impl Iterator<Item = &'a Message>) -> MessageSlice {
        let mut bytes = 0;
        let enough = |message: &&Message| {
            let before = bytes;
            bytes += message.content.as_str().len() + message.metadata.length();
            before < MessageSlice::ENOUGH_BYTES
        };
        let messages: Vec<Message> = wanted.take_while(enough).cloned().collect();
        let receipts = self.receipts(&messages);
        MessageSlice { messages, receipts, last_seq: self.session.last_seq, status: self.session.status }
    }

    /// What became of those messages that a command brings.
    fn receipts(&self, messages: &[Message]) -> HashMap<MessageId, MessageReceipt> {
        let wanted: HashSet<_> =
            messages.iter().filter(|said| said.role == MessageRole::Operator).map(|said| said.id).collect();
        if wanted.is_empty() {
            return HashMap::new();
        }
        let commands = self.pending.values().chain(self.settled.values());
        commands
            .filter_map(|command| match command.kind {
                CommandKind::Inject { message_id, .. } => Some((message_id, command.clone().into())),
                _ => None,
            })
            .filter(|(id, _)| wanted.contains(id))
            .collect()
    }
}
