//! The bodies of reports.

use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::MessageId;
use flightdeck_domain::ports::Clock as _;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::text::{ProviderSessionId, Reason};
use flightdeck_domain::use_cases::{MessageInput, NewApproval, NewSession};
use serde_json::{Value, json};

/// A message, as `POST /agents/{agentId}/messages` takes it.
pub(crate) fn message(input: &MessageInput, id: MessageId) -> Value {
    let mut body = json!({
        "id": id.as_uuid(),
        "role": input.role.as_str(),
        "content": input.content.as_str(),
        "metadata": input.metadata.as_map(),
        "createdAt": input.created_at.unwrap_or_else(|| SystemClock.now()).as_datetime(),
    });
    if let (Some(usage), Some(map)) = (&input.usage, body.as_object_mut()) {
        map.insert("usage".to_owned(), json!(usage));
    }
    body
}

/// What stands for a message that the server does not take.
pub(crate) fn left_out(why: &str) -> Value {
    let content = format!("a message was left out, for the server does not take it: {}", Reason::shortened(why));
    json!({"role": "system", "content": content, "metadata": {"type": "left_out"}})
}

/// An observed status, as `POST /agents/{agentId}/status` takes it.
pub(crate) fn status(status: SessionStatus, reason: Option<&Reason>, own: Option<&ProviderSessionId>) -> Value {
    let mut body = json!({"status": status.as_str()});
    if let Some(map) = body.as_object_mut() {
        if let Some(reason) = reason {
            map.insert("reason".to_owned(), reason.as_str().into());
        }
        if let Some(own) = own {
            map.insert("providerSessionId".to_owned(), own.as_str().into());
        }
    }
    body
}

/// That a session has failed, and why.
pub(crate) fn failed(why: &str) -> String {
    status(SessionStatus::Failed, Some(&Reason::shortened(why)), None).to_string()
}

/// A receipt, as `POST /agents/{agentId}/commands/{seq}/ack` takes it; `None` for one that only the server gives.
pub(crate) fn receipt(receipt: &Receipt) -> Option<Value> {
    match receipt {
        Receipt::Delivered | Receipt::Consumed => Some(json!({"state": receipt.as_str()})),
        Receipt::Refused { reason } => Some(json!({"state": "refused", "reason": reason.as_str()})),
        Receipt::Accepted | Receipt::Cancelled | Receipt::Undeliverable { .. } => None,
    }
}

/// A permission request, as `POST /agents/{agentId}/approvals` takes it.
pub(crate) fn approval(new: &NewApproval) -> Value {
    let mut body = json!({
        "id": new.id.map(|id| *id.as_uuid()),
        "title": new.title.as_str(),
        "detail": new.detail.as_map(),
        "options": new.options,
    });
    if let (Some(span), Some(map)) = (new.expires_in, body.as_object_mut()) {
        map.insert("expiresInSeconds".to_owned(), span.as_secs().into());
    }
    body
}

/// A session below an assigned one, as `POST /agents` takes it.
pub(crate) fn registration(new: &NewSession) -> Value {
    json!({
        "sessionId": new.session_id.map(|id| *id.as_uuid()),
        "parentAgentId": new.parent_id.map(|id| *id.as_uuid()),
        "provider": "runner",
        "taskId": new.task_id.as_str(),
        "taskSource": new.task_source.as_str(),
        "agentType": new.agent_type.as_str(),
        "context": new.context.as_map(),
        "metadata": new.metadata.as_map(),
        "status": "spawning",
    })
}
