//! The lines of an object.

use flightdeck_domain::approval::{Approval, ApprovalOptions, ApprovalState};
use flightdeck_domain::command::{Command, CommandKind, Receipt};
use flightdeck_domain::ids::{CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName, Reason};
use flightdeck_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The version of the form.
pub(crate) const VERSION: u32 = 1;

/// A message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageLine {
    id: MessageId,
    seq: Seq,
    role: MessageRole,
    provider: ProviderName,
    created_at: Timestamp,
    metadata: JsonObject,
    content: MessageContent,
}

/// A command with its receipt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommandLine {
    seq: CommandSeq,
    command: CommandKind,
    reason: Option<Reason>,
    receipt: Receipt,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A permission request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApprovalLine<'a> {
    id: &'a str,
    title: &'a str,
    detail: &'a JsonObject,
    options: &'a ApprovalOptions,
    opened_at: Timestamp,
    expires_at: Option<Timestamp>,
    state: Value,
}

/// The first line. What is in it never changes once the session has ended.
pub(crate) fn session(session: &Session) -> Value {
    json!({
        "version": VERSION,
        "session": {
            "id": session.id,
            "parentId": session.parent_id,
            "rootId": session.root_id,
            "provider": session.provider,
            "providerSessionId": session.provider_session_id,
            "missionId": session.mission_id,
            "taskId": session.task_id,
            "agentType": session.agent_type,
            "status": session.status.as_str(),
            "statusReason": session.status_reason,
            "spawnedAt": session.spawned_at,
            "completedAt": session.completed_at,
            "lastSeq": session.last_seq,
            "lastCommandSeq": session.last_command_seq,
        },
    })
}

pub(crate) fn of_message(message: &Message) -> Result<Vec<u8>, serde_json::Error> {
    let line = MessageLine {
        id: message.id,
        seq: message.seq,
        role: message.role,
        provider: message.provider.clone(),
        created_at: message.created_at,
        metadata: message.metadata.clone(),
        content: message.content.clone(),
    };
    serde_json::to_vec(&line)
}

pub(crate) fn to_message(line: &[u8], session_id: SessionId) -> Result<Message, serde_json::Error> {
    let MessageLine { id, seq, role, provider, created_at, metadata, content } = serde_json::from_slice(line)?;
    Ok(Message { id, session_id, seq, role, content, provider, metadata, created_at })
}

pub(crate) fn of_command(command: &Command) -> Result<Vec<u8>, serde_json::Error> {
    let line = CommandLine {
        seq: command.seq,
        command: command.kind.clone(),
        reason: command.reason.clone(),
        receipt: command.receipt.clone(),
        created_at: command.created_at,
        updated_at: command.updated_at,
    };
    serde_json::to_vec(&line)
}

pub(crate) fn to_command(line: &[u8], session_id: SessionId) -> Result<Command, serde_json::Error> {
    let CommandLine { seq, command: kind, reason, receipt, created_at, updated_at } = serde_json::from_slice(line)?;
    Ok(Command { session_id, seq, kind, reason, receipt, created_at, updated_at })
}

pub(crate) fn of_approval(approval: &Approval) -> Result<Vec<u8>, serde_json::Error> {
    let state = match &approval.state {
        ApprovalState::Open => json!({"status": "open"}),
        ApprovalState::Decided(verdict) => json!({
            "status": "decided",
            "option": verdict.option,
            "by": verdict.by.as_str(),
            "at": verdict.at,
            "reason": verdict.reason,
            "answer": verdict.answer,
        }),
        ApprovalState::Expired { why, at } => json!({"status": "expired", "why": why.as_str(), "at": at}),
    };
    let line = ApprovalLine {
        id: &approval.id.to_string(),
        title: approval.title.as_str(),
        detail: &approval.detail,
        options: &approval.options,
        opened_at: approval.opened_at,
        expires_at: approval.expires_at,
        state,
    };
    serde_json::to_vec(&line)
}
