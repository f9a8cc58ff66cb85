//! Values for the domain's own tests.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::action::{ActionName, Attribution};
use crate::approval::{Approval, ApprovalOptions, Ask, Asked};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::changes::{ChangeReport, ChangedFile, DiffLine, DiffOp, FileKind, FileStatus, Hunk, KeptTurn, ReportedFile};
use crate::command::{Command, CommandKind, Receipt};
use crate::ids::{ApprovalId, CommandSeq, MessageId, OperationId, Seq, SessionId};
use crate::message::{Control, MessageRole, NewMessage};
use crate::operator::Actor;
use crate::ports::ObservedSession;
use crate::retention::{ArchiveObject, ArchivedSession, ObjectDigest, ObjectName};
use crate::session::{Admission, Registration, Session, SessionStatus, TreeFacts};
use crate::text::{
    AgentType, ApprovalTitle, JsonObject, MessageContent, ProviderName, Reason, RequestId, TaskId, TaskSource,
};
use crate::time::Timestamp;

pub(crate) fn session_id(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

pub(crate) fn message_id(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(n))
}

pub(crate) fn operation_id(n: u128) -> OperationId {
    OperationId::new(Uuid::from_u128(n))
}

/// So many seconds into 2026.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000).expect("within chrono's range")
}

/// A report on so many files with so many new lines each, after one turn.
pub(crate) fn change_report(files: u32, lines: u32) -> ChangeReport {
    let line = |number: u32| DiffLine {
        op: DiffOp::Added,
        old: None,
        new: Some(u64::from(number) + 1),
        text: format!("line {number} of a file"),
    };
    let file = |number: u32| {
        let path = format!("src/{number}.rs").parse().expect("a path");
        let (from, executable, size, removed) = (None, None, None, Some(0));
        let (status, kind, added) = (FileStatus::Added, FileKind::Text, Some(u64::from(lines)));
        let file = ChangedFile { path, from, status, kind, added, removed, executable, size };
        let hunk = Hunk { heading: String::new(), lines: (0..lines).map(line).collect() };
        ReportedFile { file, hunks: Some(vec![hunk]), truncated: false }
    };
    ChangeReport {
        folder: "/srv/work".to_owned(),
        commit: Some("c0ffee".to_owned()),
        branch: Some("main".to_owned()),
        turns: vec![KeptTurn { number: 1, began_at: at(1), ended_at: Some(at(2)) }],
        from_at: at(0),
        to_at: at(2),
        files: (0..files).map(file).collect(),
        total: u64::from(files),
        added: u64::from(files) * u64::from(lines),
        removed: 0,
    }
}

pub(crate) fn registration(n: u128) -> Registration {
    Registration {
        id: session_id(n),
        parent_id: None,
        provider: ProviderName::internal(),
        provider_session_id: None,
        replica: None,
        started_by: None,
        mission_id: None,
        task_id: TaskId::new("FD-1").expect("valid"),
        task_source: TaskSource::default(),
        agent_type: AgentType::new("worker").expect("valid"),
        status: SessionStatus::Running,
        gate_profile: None,
        context: JsonObject::default(),
        metadata: JsonObject::default(),
        at: at(0),
    }
}

/// A running session without parent.
pub(crate) fn session(n: u128) -> Session {
    match registration(n).admit(TreeFacts::default()) {
        Ok(Admission::Create { session, .. }) => *session,
        other => panic!("not created: {other:?}"),
    }
}

/// A session after an observation, with nothing to obey.
pub(crate) fn observed(session: Session, changed: bool) -> ObservedSession {
    let control = Control { desired_status: session.desired_status, pending_commands: 0 };
    ObservedSession { session, changed, control }
}

pub(crate) fn new_message(n: u128) -> NewMessage {
    NewMessage {
        id: message_id(n),
        role: MessageRole::Assistant,
        content: MessageContent::new(format!("message {n}")).expect("valid"),
        metadata: JsonObject::default(),
        created_at: at(1),
    }
}

pub(crate) fn command(seq: u64, kind: CommandKind) -> Command {
    Command {
        session_id: session_id(1),
        seq: CommandSeq::new(seq),
        kind,
        reason: None,
        receipt: Receipt::Accepted,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// Session 1 asks, ten seconds into the year; offers all options, for any length of time.
pub(crate) fn ask(n: u128) -> Ask {
    Ask {
        id: ApprovalId::new(Uuid::from_u128(n)),
        session_id: session_id(1),
        title: ApprovalTitle::new(format!("delete the folder {n}")).expect("valid"),
        detail: JsonObject::default(),
        options: ApprovalOptions::default(),
        expires_in: None,
        message_id: message_id(8),
        at: at(10),
    }
}

/// What came of it.
pub(crate) fn approval(n: u128) -> Approval {
    match ask(n).open(&session(1), None) {
        Ok(Asked::Open(opened)) => opened.approval,
        other => panic!("not opened: {other:?}"),
    }
}

pub(crate) fn attribution(reason: &str) -> Attribution {
    Attribution {
        actor: Actor::key(&crate::ids::KeyId::new("0102030405ab").expect("valid")),
        reason: Reason::new(reason).ok(),
        request_id: RequestId::new("req-1").expect("valid"),
        at: at(0),
        idempotency_key: None,
        spooled: false,
    }
}

pub(crate) fn audit_draft(reason: &str) -> AuditDraft {
    let target = AuditTarget::Session(session_id(1));
    attribution(reason).audit(ActionName::Pause, target, AuditOutcome::Accepted, BTreeMap::new())
}

/// A session of so many messages and commands that is archived, and of which nothing is removed yet.
pub(crate) fn archived(session: SessionId, messages: u64, commands: u64) -> ArchivedSession {
    let object = ArchiveObject {
        name: ObjectName::new("sessions/0a/x.jsonl.zst").expect("valid"),
        digest: ObjectDigest::new("0a".repeat(32)).expect("valid"),
        bytes: 1,
        messages: Seq::new(messages),
        commands: CommandSeq::new(commands),
    };
    ArchivedSession {
        session,
        archived_at: at(1),
        manifest: object.name.clone(),
        object,
        removed_messages: Seq::ZERO,
        removed_commands: CommandSeq::ZERO,
    }
}
