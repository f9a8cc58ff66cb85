//! The events of the fleet feed about a permission request.

use serde_json::json;

use super::{Approval, ApprovalState};
use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::time::Timestamp;

impl FleetEventDraft {
    /// A permission request reached its current state.
    #[must_use]
    pub fn approval(approval: &Approval, at: Timestamp) -> Self {
        let mut data = json!({
            "approvalId": approval.id,
            "title": approval.title,
            "options": approval.options,
            "expiresAt": approval.expires_at,
        });
        let more = match &approval.state {
            ApprovalState::Open => json!({"change": "opened"}),
            ApprovalState::Decided(verdict) => json!({
                "change": "decided",
                "option": verdict.option,
                "by": verdict.by,
                "reason": verdict.reason,
            }),
            ApprovalState::Expired { why, .. } => json!({"change": "expired", "why": why}),
        };
        if let (Some(data), serde_json::Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        Self::new(FleetEventKind::Approval, Some(approval.session_id), at, data)
    }
}
