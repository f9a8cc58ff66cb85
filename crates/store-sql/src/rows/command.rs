//! Rows of `commands`.

use std::collections::HashMap;

use diesel::prelude::*;
use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt, MessageRole};
use flightdeck_domain::session::Choice;
use flightdeck_domain::text::Reason;

use super::{BrokenRow, Column, Fault, maybe};
use crate::error::SqlError;
use crate::schema::commands;
use crate::values::{Id, Key, moment};

row! {
    /// A command.
    #[diesel(table_name = commands)]
    pub struct CommandRow {
        session_id: Id,
        seq: i64,
        kind: String,
        message_id: Option<Id>,
        message_seq: Option<i64>,
        delivery: Option<String>,
        reason: Option<String>,
        receipt: String,
        receipt_reason: Option<String>,
        created_at: i64,
        updated_at: i64,
        choice: Option<String>,
    }
}

/// What the agent has not dealt with. Word for word the condition of the index `commands_pending`.
pub const PENDING: &str = "receipt IN ('accepted', 'delivered')";

/// A word that means nothing in its column, or a column that must be filled and is not.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known, or lacks what belongs to it")]
struct Unknown(String);

impl TryFrom<CommandRow> for Command {
    type Error = BrokenRow;

    fn try_from(row: CommandRow) -> Result<Self, BrokenRow> {
        let (session, seq) = (row.session_id, row.seq);
        row.read().map_err(|fault| fault.of("commands", format!("{session}/{seq}")))
    }
}

impl CommandRow {
    fn read(self) -> Result<Command, Fault> {
        let message = maybe(self.message_id, MessageId::try_from).column("message_id")?;
        let seq = maybe(self.message_seq, Seq::from_i64).column("message_seq")?;
        let delivery = maybe(self.delivery, |word| delivery(&word)).column("delivery")?;
        let choice = maybe(self.choice, |text| serde_json::from_str::<Choice>(&text)).column("choice")?;
        let reason = maybe(self.receipt_reason, Reason::new).column("receipt_reason")?;
        Ok(Command {
            session_id: self.session_id.try_into().column("session_id")?,
            seq: CommandSeq::from_i64(self.seq).column("seq")?,
            kind: kind(&self.kind, message.zip(seq), delivery, choice).column("kind")?,
            reason: maybe(self.reason, Reason::new).column("reason")?,
            receipt: receipt(&self.receipt, reason).column("receipt")?,
            created_at: moment(self.created_at).column("created_at")?,
            updated_at: moment(self.updated_at).column("updated_at")?,
        })
    }
}

fn kind(
    word: &str,
    message: Option<(MessageId, Seq)>,
    delivery: Option<Delivery>,
    choice: Option<Choice>,
) -> Result<CommandKind, Unknown> {
    match (word, message, delivery, choice) {
        ("inject", Some((message_id, seq)), Some(delivery), None) => {
            Ok(CommandKind::Inject { message_id, seq, delivery })
        }
        ("pause", None, None, None) => Ok(CommandKind::Pause),
        ("resume", None, None, None) => Ok(CommandKind::Resume),
        ("interrupt", None, None, None) => Ok(CommandKind::Interrupt),
        ("configure", None, None, Some(choice)) => Ok(CommandKind::Configure(choice)),
        ("kill", None, None, None) => Ok(CommandKind::Kill),
        _ => Err(Unknown(word.to_owned())),
    }
}

fn receipt(word: &str, reason: Option<Reason>) -> Result<Receipt, Unknown> {
    match (word, reason) {
        ("accepted", None) => Ok(Receipt::Accepted),
        ("delivered", None) => Ok(Receipt::Delivered),
        ("consumed", None) => Ok(Receipt::Consumed),
        ("cancelled", None) => Ok(Receipt::Cancelled),
        ("refused", Some(reason)) => Ok(Receipt::Refused { reason }),
        ("undeliverable", Some(reason)) => Ok(Receipt::Undeliverable { reason }),
        _ => Err(Unknown(word.to_owned())),
    }
}

fn delivery(word: &str) -> Result<Delivery, Unknown> {
    match word {
        "steer" => Ok(Delivery::Steer),
        "queue" => Ok(Delivery::Queue),
        "interrupt" => Ok(Delivery::Interrupt),
        _ => Err(Unknown(word.to_owned())),
    }
}

const fn delivery_word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Steer => "steer",
        Delivery::Queue => "queue",
        Delivery::Interrupt => "interrupt",
    }
}

/// The session of a page, and the first and the last place of its messages that an operator wrote. Most pages of most conversations have
/// none.
#[must_use]
pub(crate) fn of_operators(page: &[Message]) -> Option<(SessionId, i64, i64)> {
    let mut operators = page.iter().filter(|said| said.role == MessageRole::Operator);
    let first = operators.next()?;
    let last = operators.next_back().unwrap_or(first);
    Some((first.session_id, first.seq.to_i64(), last.seq.to_i64()))
}

/// What became of the messages that commands bring.
pub(crate) fn receipts(rows: Vec<CommandRow>) -> Result<HashMap<MessageId, MessageReceipt>, SqlError> {
    let mut receipts = HashMap::with_capacity(rows.len());
    for row in rows {
        let command = Command::try_from(row)?;
        if let CommandKind::Inject { message_id, .. } = command.kind {
            receipts.insert(message_id, command.into());
        }
    }
    Ok(receipts)
}

/// A command to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = commands, treat_none_as_default_value = false)]
pub struct NewCommandRow<'a> {
    session_id: Id,
    seq: i64,
    kind: &'static str,
    message_id: Option<Id>,
    message_seq: Option<i64>,
    delivery: Option<&'static str>,
    reason: Option<&'a str>,
    receipt: &'static str,
    receipt_reason: Option<&'a str>,
    created_at: i64,
    updated_at: i64,
    choice: Option<String>,
}

impl<'a> From<&'a Command> for NewCommandRow<'a> {
    fn from(command: &'a Command) -> Self {
        let (message_id, message_seq, delivery) = match &command.kind {
            CommandKind::Inject { message_id, seq, delivery } => {
                (Some(message_id.key()), Some(seq.to_i64()), Some(delivery_word(*delivery)))
            }
            CommandKind::Pause
            | CommandKind::Resume
            | CommandKind::Interrupt
            | CommandKind::Configure(_)
            | CommandKind::Kill => (None, None, None),
        };
        let choice = match &command.kind {
            CommandKind::Configure(choice) => Some(serde_json::json!(choice).to_string()),
            _ => None,
        };
        Self {
            session_id: command.session_id.key(),
            seq: command.seq.to_i64(),
            kind: command.kind.as_str(),
            message_id,
            message_seq,
            delivery,
            reason: command.reason.as_ref().map(Reason::as_str),
            receipt: command.receipt.as_str(),
            receipt_reason: command.receipt.reason().map(Reason::as_str),
            created_at: command.created_at.as_micros(),
            updated_at: command.updated_at.as_micros(),
            choice,
        }
    }
}
