//! Conversations and commands.

use std::collections::HashMap;

use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::ports::{ConversationEnd, MessageSlice, Rows, TalkRows};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::Reason;

use super::session::heads;
use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::command::{CommandRow, NewCommandRow, PENDING, of_operators, receipts};
use crate::schema::commands;
use crate::statement::{Bind, Prepared};
use crate::values::{Key, integer};

const COLUMNS: &str = CommandRow::COLUMNS;

impl<D: Dialect> SqlTx<D> {
    /// Adds what became of those messages of a page that a command brings. It is looked up after the messages, and is never
    /// older than they are.
    ///
    /// # Errors
    /// Those of the database, and of rows that make no sense.
    pub async fn with_receipts(&mut self, slice: Option<MessageSlice>) -> Rows<Option<MessageSlice>> {
        let Some(mut slice) = slice else { return Ok(None) };
        if let Some((session, first, last)) = of_operators(&slice.messages) {
            let by = Self::WORDS.by("commands_message");
            let sql = format!(
                "SELECT {COLUMNS} FROM commands {by} \
                 WHERE session_id = ? AND message_seq IS NOT NULL AND message_seq BETWEEN ? AND ?"
            );
            let binds = [Bind::Id(session.key()), Bind::Integer(first), Bind::Integer(last)];
            slice.receipts = receipts(self.connection().load(Prepared::new(sql, binds)).await?)?;
        }
        Ok(Some(slice))
    }
}

/// Inserts a command.
pub async fn insert_command<C: Connection>(connection: &mut C, command: &Command) -> Done<()> {
    connection.run(diesel::insert_into(commands::table).values(&NewCommandRow::from(command))).await?;
    Ok(())
}

/// A command.
pub async fn command<C: Connection>(connection: &mut C, session: SessionId, seq: CommandSeq) -> Done<Option<Command>> {
    let sql = format!("SELECT {COLUMNS} FROM commands WHERE session_id = ? AND seq = ?");
    let command = Prepared::new(sql, [Bind::Id(session.key()), Bind::Integer(seq.to_i64())]);
    connection.value::<CommandRow, _>(command).await
}

/// Writes what can change of a command: its receipt.
pub async fn save_command<C: Connection>(connection: &mut C, command: &Command) -> Done<()> {
    let save = Prepared::new(
        "UPDATE commands SET receipt = ?, receipt_reason = ?, updated_at = ? WHERE session_id = ? AND seq = ?",
        [
            Bind::Text(command.receipt.as_str()),
            Bind::MaybeText(command.receipt.reason().map(Reason::as_str)),
            Bind::Integer(command.updated_at.as_micros()),
            Bind::Id(command.session_id.key()),
            Bind::Integer(command.seq.to_i64()),
        ],
    );
    connection.run(save).await?;
    Ok(())
}

/// How many commands of a session are pending.
pub async fn count_pending<C: Connection>(connection: &mut C, session: SessionId) -> Done<u64> {
    let by = C::WORDS.by("commands_pending");
    let sql = format!("SELECT COUNT(*) AS n FROM commands {by} WHERE session_id = ? AND {PENDING}");
    connection.count(Prepared::new(sql, [Bind::Id(session.key())])).await
}

impl<D: Dialect> TalkRows for SqlTx<D> {
    async fn insert_messages(&mut self, new: &[Message]) -> Rows<()> {
        Ok(Dialect::insert_messages(&mut self.0, new).await?)
    }

    async fn known_messages(&mut self, id: SessionId, batch: &[NewMessage]) -> Rows<HashMap<MessageId, Message>> {
        Ok(Dialect::known_messages(&mut self.0, id, batch).await?)
    }

    async fn messages_after(&mut self, id: SessionId, after: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        let slice = Dialect::messages_after(&mut self.0, id, after, limit).await?;
        self.with_receipts(slice).await
    }

    async fn messages_before(&mut self, id: SessionId, before: Seq, limit: usize) -> Rows<Option<MessageSlice>> {
        let slice = Dialect::messages_before(&mut self.0, id, before, limit).await?;
        self.with_receipts(slice).await
    }

    async fn conversation_ends(&mut self, ids: &[SessionId]) -> Rows<Vec<ConversationEnd>> {
        let end = |Session { id, last_seq, status, .. }| ConversationEnd { session: id, last_seq, status };
        Ok(heads(self.connection(), ids, "").await?.into_iter().map(end).collect())
    }

    async fn insert_command(&mut self, command: &Command) -> Rows<()> {
        Ok(Dialect::insert_command(&mut self.0, command).await?)
    }

    async fn command(&mut self, session: SessionId, seq: CommandSeq) -> Rows<Option<Command>> {
        Ok(Dialect::command(&mut self.0, session, seq).await?)
    }

    async fn save_command(&mut self, command: &Command) -> Rows<()> {
        Ok(Dialect::save_command(&mut self.0, command).await?)
    }

    async fn pending_commands(&mut self, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Vec<Command>> {
        let by = Self::WORDS.by("commands_pending");
        let sql = format!(
            "SELECT {COLUMNS} FROM commands {by} WHERE session_id = ? AND seq > ? AND {PENDING} \
             ORDER BY seq LIMIT CAST(? AS BIGINT)"
        );
        let binds = [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))];
        Ok(self.connection().values::<CommandRow, _>(Prepared::new(sql, binds)).await?)
    }

    async fn count_pending(&mut self, session: SessionId) -> Rows<u64> {
        Ok(Dialect::count_pending(&mut self.0, session).await?)
    }
}
