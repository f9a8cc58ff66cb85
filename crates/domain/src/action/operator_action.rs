//! An intervention, decided against the session that it finds.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::command::{Command, CommandKind, NotCancellable, Receipt};
use crate::feed::FleetEventDraft;
use crate::hex::hex;
use crate::ids::{AuditSeq, CommandSeq, MessageId, OperationId, SessionId};
use crate::message::{Author, Message, MessageRole, NewMessage};
use crate::operation::{Opened, Operation, OperationTarget, Scope, Tally, Wish};
use crate::operator::Actor;
use crate::session::{DesiredStatus, Session, SessionStatus};
use crate::text::{JsonObject, MessageContent};

use super::{Attribution, Committed, Fingerprint, Intervention, KeyReused, Unable};
use crate::ports::Capabilities;

/// An action of an operator on one session.
///
/// ```
/// use flightdeck_domain::action::{ActionRefused, Intervention, OperatorAction, Origin};
/// use flightdeck_domain::audit::AuditOutcome;
/// use flightdeck_domain::operator::Actor;
/// use flightdeck_domain::time::Timestamp;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let action = OperatorAction {
///     session_id: "0197f2a4-0000-7000-8000-000000000001".parse()?,
///     intervention: Intervention::Pause,
///     operation: None,
///     able: None,
///     by: Origin::new(Actor::local_cli(), "req-1".parse()?).at(Timestamp::FIRST),
/// };
/// // There is no such session: refused, and the refusal has its entry, too.
/// let decision = action.decide(None, &[]);
/// assert_eq!(decision.outcome.err(), Some(ActionRefused::UnknownSession(action.session_id)));
/// assert_eq!(decision.audit.map(|entry| entry.outcome), Some(AuditOutcome::Refused));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorAction {
    /// The session.
    pub session_id: SessionId,
    /// What is wanted.
    pub intervention: Intervention,
    /// The id for the operation, if the effect is to be followed. A message has none.
    pub operation: Option<OperationId>,
    /// What the session's provider can do; `None` if that is not known, and then nothing is refused because of it.
    pub able: Option<Capabilities>,
    /// Who wants it, why.
    pub by: Attribution,
}

/// Why an action was refused. The refusal is on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionRefused {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The session has ended.
    #[error("session {session} is {status}; it cannot be acted on any more")]
    Ended {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
    },
    /// The session is being killed.
    #[error("session {0} is being killed; only another kill is possible")]
    BeingKilled(SessionId),
    /// The session's provider cannot do it, or not now.
    #[error("session {session}: {unable}")]
    Unable {
        /// The session.
        session: SessionId,
        /// What cannot be done.
        unable: Unable,
    },
    /// The action was to cover its mission, but the session has none.
    #[error("session {0} belongs to no mission")]
    NoMission(SessionId),
    /// There is no such command.
    #[error("session {session} has no command {seq}")]
    UnknownCommand {
        /// The session.
        session: SessionId,
        /// The place.
        seq: CommandSeq,
    },
    /// The agent has the command already, or the command is no message.
    #[error(transparent)]
    NotCancellable(#[from] NotCancellable),
    /// The key belongs to another call.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
}

/// Everything that an accepted action writes besides its audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// The session after it.
    pub session: Session,
    /// The message that is added to the conversation: the operator's, or the reason why a budget pauses the session.
    pub message: Option<Message>,
    /// The command for the agent, if the agent has anything left to do.
    pub command: Option<Command>,
    /// The commands that were taken back.
    pub cancelled: Vec<Command>,
    /// The new wish. It supersedes open targets of operations on the session before the new target is written.
    pub wish: Option<Wish>,
    /// The operation that begins with the action.
    pub operation: Option<Opened>,
    /// The events for the fleet feed.
    pub events: Vec<FleetEventDraft>,
}

/// The decision about an action: effects or refusal, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to write, or why nothing is written.
    pub outcome: Result<Box<Effects>, ActionRefused>,
    /// What to write to the audit log in the same transaction; `None` when the entry is in the spool.
    pub audit: Option<AuditDraft>,
}

impl Effects {
    /// The result of the action, once the effects and the audit entry are written.
    #[must_use]
    pub fn committed(self, audit_seq: Option<AuditSeq>) -> Committed {
        let Self { session, message, command, operation, .. } = self;
        let operation = operation.map(|opened| opened.operation.id);
        Committed { session, message, command, operation, audit_seq, again: false }
    }
}

impl OperatorAction {
    /// Decides the action. A store calls this under the session's lock, with the commands that the intervention
    /// [concerns](Intervention::concerns), and writes what comes back in one transaction.
    #[must_use]
    pub fn decide(&self, session: Option<&Session>, commands: &[Command]) -> Decision {
        let Decision { audit, outcome } = self.decided(session, commands);
        let audit = audit.map(|entry| match session {
            Some(session) => entry.run_by(&session.provider),
            None => entry,
        });
        Decision { outcome, audit }
    }

    fn decided(&self, session: Option<&Session>, commands: &[Command]) -> Decision {
        let outcome = match session {
            None => Err(ActionRefused::UnknownSession(self.session_id)),
            Some(session) => self.allowed(session).and_then(|()| self.effects(session, commands).map(Box::new)),
        };
        let mut details = self.details();
        if let Err(refused) = outcome {
            return Decision { audit: self.refuse(&refused), outcome: Err(refused) };
        }
        if let Ok(effects) = &outcome {
            details.insert("desiredStatus".to_owned(), effects.session.desired_status.to_string());
            if let Some(message) = &effects.message {
                details.insert("seq".to_owned(), message.seq.to_string());
            }
            if let Some(opened) = &effects.operation {
                details.insert("operationId".to_owned(), opened.operation.id.to_string());
            }
        }
        let target = AuditTarget::Session(self.session_id);
        Decision { audit: self.by.entry(self.intervention.name(), target, AuditOutcome::Accepted, details), outcome }
    }

    /// The audit entry of a refusal.
    #[must_use]
    pub fn refuse(&self, refused: &ActionRefused) -> Option<AuditDraft> {
        let mut details = self.details();
        details.insert("refusal".to_owned(), refused.to_string());
        let target = AuditTarget::Session(self.session_id);
        self.by.entry(self.intervention.name(), target, AuditOutcome::Refused, details)
    }

    /// What the call asks for, independent of its time.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut details = self.details();
        details.remove("messageId");
        let target = AuditTarget::Session(self.session_id);
        Fingerprint::of(self.intervention.name(), &target, self.by.reason.as_ref(), &details)
    }

    fn allowed(&self, session: &Session) -> Result<(), ActionRefused> {
        if session.status.is_terminal() {
            return Err(ActionRefused::Ended { session: session.id, status: session.status });
        }
        let is_over = matches!(self.intervention, Intervention::Kill | Intervention::Close);
        if session.desired_status == DesiredStatus::Killed && !is_over {
            return Err(ActionRefused::BeingKilled(session.id));
        }
        let unable = self.able.and_then(|able| able.unable(&self.intervention, session.status));
        unable.map_or(Ok(()), |unable| Err(ActionRefused::Unable { session: session.id, unable }))
    }

    /// What the audit log keeps of a message: its id and the hash of what it says.
    fn details(&self) -> BTreeMap<String, String> {
        match &self.intervention {
            Intervention::Inject { message_id, content, delivery } => BTreeMap::from([
                ("messageId".to_owned(), message_id.to_string()),
                ("contentSha256".to_owned(), hex(&Sha256::digest(content.as_str().as_bytes()))),
                ("delivery".to_owned(), json!(delivery).as_str().unwrap_or_default().to_owned()),
            ]),
            Intervention::Cancel { command } => BTreeMap::from([("commandSeq".to_owned(), command.to_string())]),
            Intervention::Interrupt { drop_queued } => {
                BTreeMap::from([("dropQueued".to_owned(), drop_queued.to_string())])
            }
            Intervention::Configure(choice) => {
                let named = [("model", &choice.model), ("mode", &choice.mode)];
                let given = named.into_iter().filter_map(|(what, name)| name.as_ref().map(|name| (what, name)));
                given.map(|(what, name)| (what.to_owned(), name.to_string())).collect()
            }
            Intervention::Pause | Intervention::Resume | Intervention::Kill | Intervention::Close => BTreeMap::new(),
        }
    }

    fn effects(&self, before: &Session, commands: &[Command]) -> Result<Effects, ActionRefused> {
        let mut session = before.clone();
        let mut message = None;
        let cancelled = self.cancelled(commands)?;
        let command = match &self.intervention {
            Intervention::Inject { message_id, content, delivery } => {
                session.last_seq = before.last_seq.next();
                let new = NewMessage {
                    id: *message_id,
                    role: MessageRole::Operator,
                    content: content.clone(),
                    metadata: JsonObject::trusted(json!({"actor": self.by.actor, "delivery": delivery})),
                    created_at: self.by.at,
                };
                message = Some(new.at_seq(session.last_seq, session.id, session.provider.clone()));
                Some(CommandKind::Inject { message_id: *message_id, seq: session.last_seq, delivery: *delivery })
            }
            Intervention::Pause => {
                session.desired_status = DesiredStatus::Paused;
                message = self.notice(&mut session);
                (before.status != SessionStatus::Paused || before.desired_status != DesiredStatus::Paused)
                    .then_some(CommandKind::Pause)
            }
            Intervention::Resume => {
                session.desired_status = DesiredStatus::Running;
                (before.status == SessionStatus::Paused || before.desired_status != DesiredStatus::Running)
                    .then_some(CommandKind::Resume)
            }
            Intervention::Interrupt { .. } => Some(CommandKind::Interrupt),
            Intervention::Configure(choice) => Some(CommandKind::Configure(choice.clone())),
            Intervention::Cancel { .. } | Intervention::Close => None,
            Intervention::Kill => {
                session.desired_status = DesiredStatus::Killed;
                Some(CommandKind::Kill)
            }
        };
        if session.desired_status != before.desired_status {
            session.revision += 1;
        }
        let command = command.map(|kind| {
            session.last_command_seq = before.last_command_seq.next();
            Command {
                session_id: session.id,
                seq: session.last_command_seq,
                kind,
                reason: self.by.reason.clone(),
                receipt: Receipt::Accepted,
                created_at: self.by.at,
                updated_at: self.by.at,
            }
        });
        let said = message.as_ref().map(|message| message.id);
        let action = FleetEventDraft::action(&session, self.intervention.name(), &self.by.actor, said, self.by.at);
        let receipts = cancelled.iter().map(|command| FleetEventDraft::receipt(command, self.by.at));
        let events = std::iter::once(action).chain(receipts).collect();
        let wish = Wish::of(&self.intervention);
        let operation = self.operation.zip(wish).map(|(id, wish)| self.operation(id, wish, before, command.as_ref()));
        Ok(Effects { session, message, command, cancelled, wish, operation, events })
    }

    /// Nobody who reads the conversation knows of a budget or of the guard, so their pauses are told there; a person who pauses is known from
    /// the feed and the audit log. The id follows from the call, so that it is told once.
    fn notice(&self, session: &mut Session) -> Option<Message> {
        let by = [Actor::budget(), Actor::guard()].into_iter().find(|actor| self.by.actor == *actor)?;
        let why = self.by.reason.as_ref()?;
        session.last_seq = session.last_seq.next();
        let new = NewMessage {
            id: MessageId::new(Uuid::new_v5(session.id.as_uuid(), self.by.request_id.as_str().as_bytes())),
            role: MessageRole::System,
            content: MessageContent::trusted(format!("pause requested: {why}")),
            metadata: Author::server(json!({"type": by, "reason": why})),
            created_at: self.by.at,
        };
        Some(new.at_seq(session.last_seq, session.id, session.provider.clone()))
    }

    fn operation(&self, id: OperationId, wish: Wish, session: &Session, command: Option<&Command>) -> Opened {
        // Of one session there is no order to keep.
        let targets = vec![OperationTarget::begin(id, wish, session, 0, command, self.by.at)];
        let operation = Operation::begin(id, wish, Scope::Session(session.id), &self.by, Tally::of(&targets));
        Opened { operation, targets }
    }

    /// The commands that are taken back by it.
    fn cancelled(&self, commands: &[Command]) -> Result<Vec<Command>, ActionRefused> {
        match &self.intervention {
            Intervention::Cancel { command: seq } => {
                let unknown = ActionRefused::UnknownCommand { session: self.session_id, seq: *seq };
                let command = commands.iter().find(|command| command.seq == *seq).ok_or(unknown)?;
                Ok(vec![command.cancel(self.by.at)?])
            }
            Intervention::Interrupt { drop_queued: true } => {
                Ok(commands.iter().filter_map(|command| command.cancel(self.by.at).ok()).collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
