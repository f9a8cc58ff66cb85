//! Conversations and the commands that wait for agents.

use std::collections::HashMap;

use super::Rows;
use crate::command::Command;
use crate::ids::{CommandSeq, MessageId, Seq, SessionId};
use crate::message::{Message, NewMessage};
use crate::ports::{ConversationEnd, MessageSlice};

/// The rows of messages and commands. The lock of a session guards both.
pub trait TalkRows: Send {
    /// Adds messages to conversations. A taken id or place is an error.
    fn insert_messages(&mut self, new: &[Message]) -> impl Future<Output = Rows<()>> + Send;

    /// Reads the messages of a batch that are in the conversation already, by their ids.
    fn known_messages(
        &mut self,
        session: SessionId,
        batch: &[NewMessage],
    ) -> impl Future<Output = Rows<HashMap<MessageId, Message>>> + Send;

    /// See [`MessageRepository::after`](crate::ports::MessageRepository::after).
    fn messages_after(
        &mut self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Rows<Option<MessageSlice>>> + Send;

    /// See [`MessageRepository::before`](crate::ports::MessageRepository::before).
    fn messages_before(
        &mut self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> impl Future<Output = Rows<Option<MessageSlice>>> + Send;

    /// Reads the ends of conversations, of the sessions that exist.
    fn conversation_ends(&mut self, sessions: &[SessionId]) -> impl Future<Output = Rows<Vec<ConversationEnd>>> + Send;

    /// Adds a command to its queue.
    fn insert_command(&mut self, command: &Command) -> impl Future<Output = Rows<()>> + Send;

    /// Reads a command.
    fn command(&mut self, session: SessionId, seq: CommandSeq) -> impl Future<Output = Rows<Option<Command>>> + Send;

    /// Writes the part of a command that can change: its receipt.
    fn save_command(&mut self, command: &Command) -> impl Future<Output = Rows<()>> + Send;

    /// Reads at most `limit` pending commands after a place, in order.
    fn pending_commands(
        &mut self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> impl Future<Output = Rows<Vec<Command>>> + Send;

    /// Counts the pending commands.
    fn count_pending(&mut self, session: SessionId) -> impl Future<Output = Rows<u64>> + Send;
}
