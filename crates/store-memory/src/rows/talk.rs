//! Conversations and the commands that wait for agents.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;

use flightdeck_domain::command::{Command, CommandKind};
use flightdeck_domain::ids::{CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt, MessageRole, NewMessage};
use flightdeck_domain::ports::{ConversationEnd, MessageSlice, Rows, StoreUnavailable, TalkRows};
use flightdeck_domain::session::Session;

use crate::state::{State, count, index};

impl State {
    /// The messages that were not removed, and up to which seq messages were.
    fn messages(&self, id: SessionId) -> (&[Message], u64) {
        self.talks.get(&id).map_or((&[], 0), |talk| (&talk.messages, talk.gone))
    }

    /// A run of a conversation, with what became of its messages.
    fn run(&self, id: SessionId, of: impl FnOnce(&Session, &[Message], u64) -> MessageSlice) -> Option<MessageSlice> {
        let (messages, gone) = self.messages(id);
        let slice = of(self.sessions.get(&id)?, messages, gone);
        Some(MessageSlice { receipts: self.receipts(id, &slice.messages), ..slice })
    }

    /// What became of those messages that a command brings.
    fn receipts(&self, session: SessionId, messages: &[Message]) -> HashMap<MessageId, MessageReceipt> {
        let operators = messages.iter().filter(|said| said.role == MessageRole::Operator);
        let wanted: HashSet<_> = operators.map(|said| said.id).collect();
        if wanted.is_empty() {
            return HashMap::new();
        }
        let all = self.commands.range((session, CommandSeq::ZERO)..).take_while(|((of, _), _)| *of == session);
        all.filter_map(|(_, command)| match command.kind {
            CommandKind::Inject { message_id, .. } => Some((message_id, command.clone().into())),
            _ => None,
        })
        .filter(|(id, _)| wanted.contains(id))
        .collect()
    }

    fn pending_of(&self, session: SessionId, after: CommandSeq) -> impl Iterator<Item = &Command> {
        let behind = self.pending.range((Bound::Excluded((session, after)), Bound::Unbounded));
        behind.take_while(move |(of, _)| *of == session).filter_map(|key| self.commands.get(key))
    }
}

impl TalkRows for State {
    async fn insert_messages(&mut self, new: &[Message]) -> Rows<()> {
        for message in new {
            let session = message.session_id;
            let talk = self.talks.entry(session).or_default();
            if talk.places.contains_key(&message.id) {
                return Err(StoreUnavailable::new("the id of the message is taken"));
            }
            if talk.messages.is_empty() && talk.gone > 0 {
                // All were removed, and the first is put back.
                let gone = std::mem::replace(&mut talk.gone, message.seq.previous().get());
                self.noted(move |state| state.talks.entry(session).or_default().gone = gone);
            }
            let talk = self.talks.entry(session).or_default();
            if talk.gone + count(talk.messages.len()) != message.seq.previous().get() {
                return Err(StoreUnavailable::new("the place of the message is taken, or leaves a hole"));
            }
            talk.places.insert(message.id, index(message.seq.previous().get()));
            talk.messages.push(message.clone());
            self.noted(move |state| {
                if let Some(talk) = state.talks.get_mut(&session)
                    && let Some(message) = talk.messages.pop()
                {
                    talk.places.remove(&message.id);
                }
            });
        }
        Ok(())
    }

    async fn known_messages(&mut self, session: SessionId, batch: &[NewMessage]) -> Rows<HashMap<MessageId, Message>> {
        let Some(talk) = self.talks.get(&session) else { return Ok(HashMap::new()) };
        let place = |id| talk.places.get(id)?.checked_sub(index(talk.gone));
        let known = batch.iter().filter_map(|new| talk.messages.get(place(&new.id)?));
        Ok(known.map(|message| (message.id, message.clone())).collect())
    }

    async fn messages_after(&mut self, session: SessionId, after: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        Ok(self.run(session, |session, said, gone| {
            MessageSlice::after(session, said, Seq::new(after.get().saturating_sub(gone)), limit)
        }))
    }

    async fn messages_before(&mut self, session: SessionId, before: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        Ok(self.run(session, |session, said, gone| {
            MessageSlice::before(session, said, Seq::new(before.get().saturating_sub(gone)), limit)
        }))
    }

    async fn conversation_ends(&mut self, sessions: &[SessionId]) -> Rows<Vec<ConversationEnd>> {
        let found = sessions.iter().filter_map(|id| self.sessions.get(id));
        Ok(found
            .map(|session| ConversationEnd { session: session.id, last_seq: session.last_seq, status: session.status })
            .collect())
    }

    async fn insert_command(&mut self, command: &Command) -> Rows<()> {
        self.save_command(command).await
    }

    async fn command(&mut self, session: SessionId, seq: CommandSeq) -> Rows<Option<Command>> {
        Ok(self.commands.get(&(session, seq)).cloned())
    }

    async fn save_command(&mut self, command: &Command) -> Rows<()> {
        self.change(Self::set_command, (command.session_id, command.seq), Some(command.clone()));
        Ok(())
    }

    async fn pending_commands(&mut self, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Vec<Command>> {
        Ok(self.pending_of(session, after).take(limit).cloned().collect())
    }

    async fn count_pending(&mut self, session: SessionId) -> Rows<u64> {
        Ok(count(self.pending_of(session, CommandSeq::ZERO).count()))
    }
}
