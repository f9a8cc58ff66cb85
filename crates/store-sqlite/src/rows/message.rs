//! Rows of `messages`.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::Message;

use super::{BrokenRow, Column, Fault, name};
use crate::schema::messages;
use crate::values::{Key, json, message_id, moment, object, session_id};

/// A message.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = messages, check_for_backend(Sqlite))]
pub(crate) struct MessageRow {
    session_id: Vec<u8>,
    seq: i64,
    id: Vec<u8>,
    role: String,
    provider: String,
    created_at: i64,
    metadata: String,
    content: String,
}

impl TryFrom<MessageRow> for Message {
    type Error = BrokenRow;

    fn try_from(row: MessageRow) -> Result<Self, BrokenRow> {
        let (session, seq) = (row.session_id.clone(), row.seq);
        row.read().map_err(|fault| fault.of("messages", format!("{}/{seq}", name(&session))))
    }
}

impl MessageRow {
    fn read(self) -> Result<Message, Fault> {
        Ok(Message {
            id: message_id(&self.id).column("id")?,
            session_id: session_id(&self.session_id).column("session_id")?,
            seq: Seq::from_i64(self.seq).column("seq")?,
            role: self.role.parse().column("role")?,
            content: self.content.try_into().column("content")?,
            provider: self.provider.try_into().column("provider")?,
            metadata: object(&self.metadata).column("metadata")?,
            created_at: moment(self.created_at).column("created_at")?,
        })
    }
}

/// A message to be inserted. Every column is given, so that many rows are one statement.
#[derive(Debug, Insertable)]
#[diesel(table_name = messages, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub(crate) struct NewMessageRow<'a> {
    session_id: &'a [u8],
    seq: i64,
    id: &'a [u8],
    role: &'static str,
    provider: &'a str,
    created_at: i64,
    metadata: String,
    content: &'a str,
}

impl<'a> From<&'a Message> for NewMessageRow<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            session_id: message.session_id.key(),
            seq: message.seq.to_i64(),
            id: message.id.key(),
            role: message.role.as_str(),
            provider: message.provider.as_str(),
            created_at: message.created_at.as_micros(),
            metadata: json(&message.metadata),
            content: message.content.as_str(),
        }
    }
}
