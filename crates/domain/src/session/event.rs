//! The events of the fleet feed about a session.

use serde_json::json;

use super::{Session, SessionStatus};
use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::time::Timestamp;

impl FleetEventDraft {
    /// A session entered the tree.
    #[must_use]
    pub fn spawned(session: &Session) -> Self {
        let data = json!({
            "parentSessionId": session.parent_id,
            "rootSessionId": session.root_id,
            "missionId": session.mission_id,
            "taskId": session.task_id,
            "taskSource": session.task_source,
            "agentType": session.agent_type,
            "provider": session.provider,
            "status": session.status,
        });
        Self::new(FleetEventKind::Spawned, Some(session.id), session.spawned_at, data)
    }

    /// A session changed to its current status.
    #[must_use]
    pub fn status(session: &Session, from: SessionStatus, at: Timestamp) -> Self {
        let data = json!({
            "from": from,
            "status": session.status,
            "desiredStatus": session.desired_status,
            "reason": session.status_reason,
            "seq": session.last_seq,
        });
        Self::new(FleetEventKind::Status, Some(session.id), at, data)
    }
}
