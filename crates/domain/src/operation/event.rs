//! The events of the fleet feed about an operation.

use serde_json::json;

use super::Operation;
use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::time::Timestamp;

impl FleetEventDraft {
    /// An operation was `created`, or is `completed`.
    #[must_use]
    pub fn operation(operation: &Operation, event: &'static str, at: Timestamp) -> Self {
        let tally = operation.tally;
        let data = json!({
            "operationId": operation.id,
            "event": event,
            "action": operation.wish,
            "scope": operation.scope.as_str(),
            "missionId": operation.scope.mission_id(),
            "actor": operation.actor,
            "state": operation.state().as_str(),
            "total": tally.total,
            "open": tally.open,
            "observed": tally.observed,
            "ended": tally.ended,
            "refused": tally.refused,
            "superseded": tally.superseded,
        });
        Self::new(FleetEventKind::Operation, operation.scope.session_id(), at, data)
    }
}
