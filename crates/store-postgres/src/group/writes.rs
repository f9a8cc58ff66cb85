//! What the members of a group write, and how it is written for all of them together.

use flightdeck_domain::action::Remembered;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{IdempotencyKey, ProviderSessionId, Reason};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::AccountKey;
use flightdeck_store_sql::tx::Done;
use futures_util::future::try_join;

use super::sets::{self, Touch};
use crate::line::Line;
use crate::{accounts, messages};

/// What can change of a session.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) id: SessionId,
    pub(super) status: &'static str,
    pub(super) desired_status: &'static str,
    pub(super) status_reason: Option<Reason>,
    pub(super) last_seq: Seq,
    pub(super) last_command_seq: CommandSeq,
    pub(super) revision: i64,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) last_seen_at: Option<Timestamp>,
    pub(super) lost_from: Option<&'static str>,
    pub(super) provider_session_id: Option<ProviderSessionId>,
}

impl From<&Session> for Saved {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id,
            status: session.status.as_str(),
            desired_status: session.desired_status.as_str(),
            status_reason: session.status_reason.clone(),
            last_seq: session.last_seq,
            last_command_seq: session.last_command_seq,
            revision: i64::try_from(session.revision).unwrap_or(i64::MAX),
            started_at: session.started_at,
            completed_at: session.completed_at,
            last_seen_at: session.last_seen_at,
            lost_from: session.lost_from.map(SessionStatus::as_str),
            provider_session_id: session.provider_session_id.clone(),
        }
    }
}

/// What is to be written, each kind in the order of its calls.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    saved: Vec<Saved>,
    touched: Vec<Touch>,
    messages: Vec<Message>,
    commands: Vec<Command>,
    receipts: Vec<Command>,
    operations: Vec<Operation>,
    targets: Vec<OperationTarget>,
    accounts: Vec<(AccountKey, Timestamp)>,
    calls: Vec<(Actor, IdempotencyKey, Remembered)>,
    /// They are told late, for whoever tells holds up all others that do.
    events: Vec<FleetEventDraft>,
}

impl Writes {
    pub(crate) fn save(&mut self, session: &Session) {
        // What was noted of the session before is part of what is saved.
        self.saved.retain(|saved| saved.id != session.id);
        self.touched.retain(|touched| touched.session != session.id);
        self.saved.push(session.into());
    }

    pub(crate) fn touch(&mut self, id: SessionId, last_seq: Seq, seen: Timestamp) {
        self.touched.retain(|touched| touched.session != id);
        self.touched.push(Touch { session: id, last_seq, seen });
    }

    pub(crate) fn insert_messages(&mut self, new: &[Message]) {
        self.messages.extend_from_slice(new);
    }

    pub(crate) fn insert_command(&mut self, command: &Command) {
        self.commands.push(command.clone());
    }

    pub(crate) fn save_command(&mut self, command: &Command) {
        self.receipts.retain(|saved| (saved.session_id, saved.seq) != (command.session_id, command.seq));
        self.receipts.push(command.clone());
    }

    pub(crate) fn insert_operation(&mut self, operation: &Operation) {
        self.operations.push(operation.clone());
    }

    pub(crate) fn insert_targets(&mut self, targets: &[OperationTarget]) {
        self.targets.extend_from_slice(targets);
    }

    pub(crate) fn open_account(&mut self, key: &AccountKey, at: Timestamp) {
        self.accounts.push((key.clone(), at));
    }

    pub(crate) fn remember(&mut self, actor: &Actor, key: &IdempotencyKey, call: &Remembered) {
        self.calls.push((actor.clone(), key.clone(), call.clone()));
    }

    pub(crate) fn tell(&mut self, event: FleetEventDraft) {
        self.events.push(event);
    }

    /// Whether anything of it is read back by statements; events are not.
    pub(super) const fn are_rows(&self) -> bool {
        !(self.saved.is_empty()
            && self.touched.is_empty()
            && self.messages.is_empty()
            && self.commands.is_empty()
            && self.receipts.is_empty()
            && self.operations.is_empty()
            && self.targets.is_empty()
            && self.accounts.is_empty()
            && self.calls.is_empty())
    }

    pub(super) fn take_events(&mut self) -> Vec<FleetEventDraft> {
        std::mem::take(&mut self.events)
    }

    /// Adds what somebody else wrote; the events stay with them.
    pub(super) fn take_rows(&mut self, other: &mut Self) {
        self.saved.append(&mut other.saved);
        self.touched.append(&mut other.touched);
        self.messages.append(&mut other.messages);
        self.commands.append(&mut other.commands);
        self.receipts.append(&mut other.receipts);
        self.operations.append(&mut other.operations);
        self.targets.append(&mut other.targets);
        self.accounts.append(&mut other.accounts);
        self.calls.append(&mut other.calls);
    }

    /// Writes all of it but the events, with a statement for each kind. Statements that do not depend on one another are
    /// under way together.
    pub(super) async fn put(&mut self, line: &Line) -> Done<()> {
        let Self { saved, touched, messages, commands, receipts, operations, targets, accounts, calls, events: _ } =
            std::mem::take(&mut *self).keeping(&mut self.events);
        let sessions = async {
            sets::save_sessions(line, &saved).await?;
            sets::touch_sessions(line, &touched).await
        };
        let control = async {
            sets::insert_commands(line, &commands).await?;
            sets::save_receipts(line, &receipts).await?;
            sets::insert_operations(line, &operations).await?;
            sets::insert_targets(line, &targets).await?;
            sets::remember(line, &calls).await
        };
        let rest = async {
            messages::insert(line, &messages).await?;
            let mut accounts = accounts;
            accounts.sort_by(|(one, _), (other, _)| one.cmp(other));
            accounts::open(line, accounts.iter().map(|(key, at)| (key, *at))).await
        };
        try_join(try_join(sessions, control), rest).await?;
        Ok(())
    }

    /// Gives the events back to where they are kept.
    fn keeping(mut self, events: &mut Vec<FleetEventDraft>) -> Self {
        std::mem::swap(&mut self.events, events);
        self
    }
}
