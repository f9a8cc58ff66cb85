//! Rows of `messages`.

use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Binary, Text};
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
    /// Of what can be long.
    pub(crate) const fn bytes(&self) -> usize {
        self.content.len() + self.metadata.len()
    }

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

/// A message to be inserted.
#[derive(Debug)]
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

impl NewMessageRow<'_> {
    /// Its values, in the order of the columns.
    pub(crate) fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_bind_param::<Binary, _>(self.session_id)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.role)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.provider)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.created_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.metadata)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.content)
    }
}
