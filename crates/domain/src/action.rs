//! Operator actions: a person steps in.
//!
//! An [`OperatorAction`] decides itself against the session it finds and always yields the audit entry along with the
//! effects, so that a change without its entry cannot be written down in the first place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::command::{Command, CommandKind, Delivery, NotCancellable, Receipt};
use crate::feed::FleetEventDraft;
use crate::hex::hex;
use crate::ids::{CommandSeq, MessageId, OperationId, SessionId};
use crate::message::{Message, MessageRole, NewMessage};
use crate::operation::{Opened, Operation, OperationTarget, Scope, Tally, Wish};
use crate::operator::Actor;
use crate::session::{DesiredStatus, Session, SessionStatus};
use crate::text::{JsonObject, MessageContent, Reason, RequestId};
use crate::time::Timestamp;

/// What can stand on the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionName {
    /// A message was injected.
    Inject,
    /// A pause was asked for.
    Pause,
    /// A resume was asked for.
    Resume,
    /// An interrupt was asked for.
    Interrupt,
    /// An injected message was taken back.
    CommandCancel,
    /// A kill was asked for.
    Kill,
    /// The kill switch was engaged.
    KillAll,
    /// The kill switch was released.
    KillSwitchRelease,
    /// A key was made.
    KeyCreate,
    /// A key was ended.
    KeyRevoke,
    /// A permission request was decided.
    ApprovalDecide,
    /// The audit log itself was read, exported or verified.
    AuditRead,
}

impl ActionName {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::Inject,
        Self::Pause,
        Self::Resume,
        Self::Interrupt,
        Self::CommandCancel,
        Self::Kill,
        Self::KillAll,
        Self::KillSwitchRelease,
        Self::KeyCreate,
        Self::KeyRevoke,
        Self::ApprovalDecide,
        Self::AuditRead,
    ];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Interrupt => "interrupt",
            Self::CommandCancel => "command_cancel",
            Self::Kill => "kill",
            Self::KillAll => "kill_all",
            Self::KillSwitchRelease => "kill_switch_release",
            Self::KeyCreate => "key_create",
            Self::KeyRevoke => "key_revoke",
            Self::ApprovalDecide => "approval_decide",
            Self::AuditRead => "audit_read",
        }
    }
}

/// A word that names no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an audited action")]
pub struct UnknownAction(pub String);

impl std::str::FromStr for ActionName {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|name| name.as_str() == word).ok_or_else(|| UnknownAction(word.to_owned()))
    }
}

/// Who asks, why, and by which request: the part of an action that only the record needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Who asks.
    pub actor: Actor,
    /// Why, in their words.
    pub reason: Option<Reason>,
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
}

impl Attribution {
    /// An audit entry for an action of this origin.
    #[must_use]
    pub fn audit(
        &self,
        action: ActionName,
        target: AuditTarget,
        outcome: AuditOutcome,
        details: BTreeMap<String, String>,
    ) -> AuditDraft {
        AuditDraft {
            action,
            actor: self.actor.clone(),
            at: self.at,
            details,
            outcome,
            reason: self.reason.clone(),
            request_id: self.request_id.clone(),
            target,
        }
    }
}

/// What an operator wants of one session.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// Say something to the agent.
    Inject {
        /// The id for the message in the conversation.
        message_id: MessageId,
        /// What to say.
        content: MessageContent,
        /// When it is to reach the agent.
        delivery: Delivery,
    },
    /// Have it stop, able to go on.
    Pause,
    /// Have it go on.
    Resume,
    /// Have it stop the current turn.
    Interrupt {
        /// Take back the messages that wait for it, too. Otherwise they start the next turn.
        drop_queued: bool,
    },
    /// Take an injected message back before the agent has it.
    Cancel {
        /// The command that was to bring it.
        command: CommandSeq,
    },
    /// Have it stop for good.
    Kill,
}

impl Intervention {
    const fn name(&self) -> ActionName {
        match self {
            Self::Inject { .. } => ActionName::Inject,
            Self::Pause => ActionName::Pause,
            Self::Resume => ActionName::Resume,
            Self::Interrupt { .. } => ActionName::Interrupt,
            Self::Cancel { .. } => ActionName::CommandCancel,
            Self::Kill => ActionName::Kill,
        }
    }

    /// Which commands of the session the decision has to look at.
    #[must_use]
    pub const fn concerns(&self) -> ConcernedCommands {
        match self {
            Self::Cancel { command } => ConcernedCommands::One(*command),
            Self::Interrupt { drop_queued: true } => ConcernedCommands::Pending,
            _ => ConcernedCommands::None,
        }
    }
}

/// The commands that a decision has to look at, read under the same lock as the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcernedCommands {
    /// None.
    None,
    /// The one at this place.
    One(CommandSeq),
    /// The pending ones, the first [`ConcernedCommands::MOST`] of them.
    Pending,
}

impl ConcernedCommands {
    /// The most commands that one decision looks at.
    pub const MOST: usize = 1_000;
}

/// A person steps in on one session.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorAction {
    /// The session.
    pub session_id: SessionId,
    /// What is wanted.
    pub intervention: Intervention,
    /// The id for the operation, where the effect is to be followed until it is seen. A message has none.
    pub operation: Option<OperationId>,
    /// Who wants it, why.
    pub by: Attribution,
}

/// Why an action was refused. The refusal stands on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionRefused {
    /// There is nothing to act on.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// It is over.
    #[error("session {session} is {status}; it cannot be acted on any more")]
    Ended {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
    },
    /// It is about to be over.
    #[error("session {0} is being killed; only another kill is possible")]
    BeingKilled(SessionId),
    /// It was to stand for its mission.
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
    /// The agent has it already, or it is no message.
    #[error(transparent)]
    NotCancellable(#[from] NotCancellable),
}

/// Everything an accepted action writes, besides its audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// The session after it.
    pub session: Session,
    /// The operator's message, if it has one.
    pub message: Option<Message>,
    /// The command for the agent, if there is anything left for it to do.
    pub command: Option<Command>,
    /// Commands that were taken back.
    pub cancelled: Vec<Command>,
    /// What is wished now; it supersedes open targets of operations on the session, before the new one is written.
    pub wish: Option<Wish>,
    /// The operation that begins with it.
    pub operation: Option<Opened>,
    /// The events for the fleet feed.
    pub events: Vec<FleetEventDraft>,
}

/// An action held against the session it found: effects or refusal, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to write, or why nothing.
    pub outcome: Result<Box<Effects>, ActionRefused>,
    /// What to write on the audit log in the same transaction.
    pub audit: AuditDraft,
}

impl OperatorAction {
    /// Decides the action. A store calls this under the session's lock, with the commands that the intervention
    /// [concerns](Intervention::concerns), and writes what comes back in one transaction.
    #[must_use]
    pub fn decide(&self, session: Option<&Session>, commands: &[Command]) -> Decision {
        let outcome = match session {
            None => Err(ActionRefused::UnknownSession(self.session_id)),
            Some(session) => self.allowed(session).and_then(|()| self.effects(session, commands).map(Box::new)),
        };
        let mut details = self.details();
        if let Err(refused) = &outcome {
            details.insert("refusal".to_owned(), refused.to_string());
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
        let result = if outcome.is_ok() { AuditOutcome::Accepted } else { AuditOutcome::Refused };
        let target = AuditTarget::Session(self.session_id);
        Decision { audit: self.by.audit(self.intervention.name(), target, result, details), outcome }
    }

    fn allowed(&self, session: &Session) -> Result<(), ActionRefused> {
        if session.status.is_terminal() {
            return Err(ActionRefused::Ended { session: session.id, status: session.status });
        }
        if session.desired_status == DesiredStatus::Killed && self.intervention != Intervention::Kill {
            return Err(ActionRefused::BeingKilled(session.id));
        }
        Ok(())
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
            Intervention::Pause | Intervention::Resume | Intervention::Kill => BTreeMap::new(),
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
                Some(CommandKind::Inject { message_id: *message_id, delivery: *delivery })
            }
            Intervention::Pause => {
                session.desired_status = DesiredStatus::Paused;
                (before.status != SessionStatus::Paused || before.desired_status != DesiredStatus::Paused)
                    .then_some(CommandKind::Pause)
            }
            Intervention::Resume => {
                session.desired_status = DesiredStatus::Running;
                (before.status == SessionStatus::Paused || before.desired_status != DesiredStatus::Running)
                    .then_some(CommandKind::Resume)
            }
            Intervention::Interrupt { .. } => Some(CommandKind::Interrupt),
            Intervention::Cancel { .. } => None,
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
mod tests {
    use super::*;
    use crate::fixtures::{attribution, command, message_id, operation_id, session, session_id};
    use crate::ids::Seq;

    fn action(intervention: Intervention) -> OperatorAction {
        OperatorAction { session_id: session_id(1), intervention, operation: None, by: attribution("because") }
    }

    fn inject() -> Intervention {
        Intervention::Inject {
            message_id: message_id(5),
            content: MessageContent::new("look again").expect("valid"),
            delivery: Delivery::Queue,
        }
    }

    fn effects(intervention: Intervention, session: &Session) -> Effects {
        let decision = action(intervention).decide(Some(session), &[]);
        assert_eq!(decision.audit.outcome, AuditOutcome::Accepted);
        *decision.outcome.expect("accepted")
    }

    #[test]
    fn an_inject_is_a_message_a_command_and_an_entry_that_hashes_the_content() {
        let before = Session { last_seq: Seq::new(3), ..session(1) };
        let decision = action(inject()).decide(Some(&before), &[]);
        let effects = decision.outcome.expect("accepted");
        let message = effects.message.expect("a message");
        assert_eq!((message.seq, message.role), (Seq::new(4), MessageRole::Operator));
        let command = effects.command.expect("a command");
        assert_eq!(command.seq, CommandSeq::new(1));
        assert_eq!(effects.session.last_command_seq, command.seq);
        assert!(decision.audit.details["contentSha256"].len() == 64);
        assert!(!format!("{:?}", decision.audit).contains("look again"));
    }

    #[test]
    fn a_wish_changes_the_desired_status_and_never_the_observed_one() {
        for (intervention, desired) in
            [(Intervention::Pause, DesiredStatus::Paused), (Intervention::Kill, DesiredStatus::Killed)]
        {
            let effects = effects(intervention, &session(1));
            assert_eq!((effects.session.desired_status, effects.session.status), (desired, SessionStatus::Running));
            assert!(effects.command.is_some());
        }
    }

    #[test]
    fn a_finished_session_cannot_be_acted_on_and_the_refusal_is_on_record() {
        for status in [SessionStatus::Completed, SessionStatus::Failed, SessionStatus::Killed] {
            for intervention in [inject(), Intervention::Pause, Intervention::Resume, Intervention::Kill] {
                let decision = action(intervention).decide(Some(&Session { status, ..session(1) }), &[]);
                assert_eq!(decision.outcome, Err(ActionRefused::Ended { session: session_id(1), status }));
                assert_eq!(decision.audit.outcome, AuditOutcome::Refused);
                assert!(decision.audit.details["refusal"].contains(status.as_str()));
            }
        }
    }

    #[test]
    fn a_dying_session_takes_only_another_kill() {
        let dying = Session { desired_status: DesiredStatus::Killed, ..session(1) };
        for intervention in [inject(), Intervention::Pause, Intervention::Resume] {
            let outcome = action(intervention).decide(Some(&dying), &[]).outcome;
            assert_eq!(outcome, Err(ActionRefused::BeingKilled(session_id(1))));
        }
        assert!(effects(Intervention::Kill, &dying).command.is_some());
    }

    #[test]
    fn an_unknown_session_is_refused_on_record() {
        let decision = action(Intervention::Kill).decide(None, &[]);
        assert_eq!(decision.outcome, Err(ActionRefused::UnknownSession(session_id(1))));
        assert_eq!(decision.audit.outcome, AuditOutcome::Refused);
    }

    #[test]
    fn an_interrupt_keeps_what_waits_unless_it_is_told_to_drop_it() {
        let kind = CommandKind::Inject { message_id: message_id(5), delivery: Delivery::Queue };
        let (waiting, pause) = (command(1, kind), command(2, CommandKind::Pause));
        let delivered = Command { receipt: Receipt::Delivered, ..command(3, kind) };
        let queue = [waiting, pause, delivered];
        let cancelled = |drop_queued| {
            let decision = action(Intervention::Interrupt { drop_queued }).decide(Some(&session(1)), &queue);
            let effects = decision.outcome.expect("accepted");
            assert_eq!(effects.command.map(|command| command.kind), Some(CommandKind::Interrupt));
            assert_eq!(effects.events.len(), 1 + effects.cancelled.len());
            effects.cancelled.iter().map(|command| command.seq.get()).collect::<Vec<_>>()
        };
        assert_eq!(cancelled(false), [0; 0]);
        assert_eq!(cancelled(true), [1]);
    }

    #[test]
    fn a_message_is_taken_back_once_and_only_before_it_arrives() {
        let inject = command(1, CommandKind::Inject { message_id: message_id(5), delivery: Delivery::Queue });
        let cancel = action(Intervention::Cancel { command: CommandSeq::new(1) });
        let outcome = |queue: &[Command]| cancel.decide(Some(&session(1)), queue).outcome;
        assert!(outcome(std::slice::from_ref(&inject)).is_ok_and(|effects| effects.command.is_none()));
        let arrived = Command { receipt: Receipt::Delivered, ..inject };
        assert!(matches!(outcome(&[arrived]), Err(ActionRefused::NotCancellable(_))));
        assert!(matches!(outcome(&[]), Err(ActionRefused::UnknownCommand { .. })));
    }

    #[test]
    fn a_wish_with_an_operation_is_followed_and_a_message_is_not() {
        let with = |intervention| OperatorAction { operation: Some(operation_id(3)), ..action(intervention) };
        let decision = with(Intervention::Pause).decide(Some(&session(1)), &[]);
        assert_eq!(decision.audit.details["operationId"], operation_id(3).to_string());
        let effects = decision.outcome.expect("accepted");
        let opened = effects.operation.expect("an operation");
        assert_eq!((opened.operation.tally.total, opened.operation.completed_at), (1, None));
        assert_eq!(opened.targets[0].command_seq, Some(CommandSeq::new(1)));
        let said = with(inject()).decide(Some(&session(1)), &[]).outcome.expect("accepted");
        assert_eq!((said.operation, said.wish), (None, None));
    }

    #[test]
    fn what_is_so_already_needs_no_command() {
        let running = session(1);
        assert_eq!(effects(Intervention::Resume, &running).command, None);
        let paused = Session { status: SessionStatus::Paused, desired_status: DesiredStatus::Paused, ..session(1) };
        assert_eq!(effects(Intervention::Pause, &paused).command, None);
        assert!(effects(Intervention::Resume, &paused).command.is_some());
    }
}
