//! Rows of `messages`.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::MessageSlice;

use super::{BrokenRow, Column, Fault};
use crate::schema::messages;
use crate::types;
use crate::values::{Id, moment, object};

/// A message.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = messages)]
pub struct MessageRow {
    session_id: Id,
    seq: i64,
    id: Id,
    role: String,
    provider: String,
    created_at: i64,
    metadata: String,
    content: String,
}

impl TryFrom<MessageRow> for Message {
    type Error = BrokenRow;

    fn try_from(row: MessageRow) -> Result<Self, BrokenRow> {
        let (session, seq) = (row.session_id, row.seq);
        row.read().map_err(|fault| fault.of("messages", format!("{session}/{seq}")))
    }
}

impl MessageRow {
    /// Of what can be long.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.content.len() + self.metadata.len()
    }

    fn read(self) -> Result<Message, Fault> {
        Ok(Message {
            id: self.id.try_into().column("id")?,
            session_id: self.session_id.try_into().column("session_id")?,
            seq: Seq::from_i64(self.seq).column("seq")?,
            role: self.role.parse().column("role")?,
            content: self.content.try_into().column("content")?,
            provider: self.provider.try_into().column("provider")?,
            metadata: object(&self.metadata).column("metadata")?,
            created_at: moment(self.created_at).column("created_at")?,
        })
    }
}

/// A message beside the state of its session. Of a session without messages there is one row, with the state alone.
#[derive(Debug, QueryableByName)]
pub struct SliceRow {
    #[diesel(sql_type = types::Id)]
    session_id: Id,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Nullable<types::Id>)]
    id: Option<Id>,
    #[diesel(sql_type = Nullable<Text>)]
    role: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    provider: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    created_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    metadata: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    content: Option<String>,
}

impl SliceRow {
    /// No column of a message may be empty, so either all are there or none.
    fn message(self) -> Option<MessageRow> {
        Some(MessageRow {
            session_id: self.session_id,
            seq: self.seq?,
            id: self.id?,
            role: self.role?,
            provider: self.provider?,
            created_at: self.created_at?,
            metadata: self.metadata?,
            content: self.content?,
        })
    }
}

/// Part of a conversation with the state of the whole, its receipts still to come; `None` when there is no such session.
pub fn slice(rows: Vec<SliceRow>) -> Result<Option<MessageSlice>, BrokenRow> {
    let Some(first) = rows.first() else { return Ok(None) };
    let state = || Ok((Seq::from_i64(first.last_seq).column("last_seq")?, first.status.parse().column("status")?));
    let (last_seq, status) = state().map_err(|fault: Fault| fault.of("sessions", first.session_id.to_string()))?;
    let messages = rows.into_iter().filter_map(SliceRow::message).map(Message::try_from).collect::<Result<_, _>>()?;
    Ok(Some(MessageSlice { messages, receipts: HashMap::new(), last_seq, status }))
}
