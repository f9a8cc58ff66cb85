//! The events of the fleet feed about an action on one session.

use serde_json::json;

use super::ActionName;
use crate::feed::{FleetEventDraft, FleetEventKind};
use crate::ids::MessageId;
use crate::operator::Actor;
use crate::session::Session;
use crate::time::Timestamp;

impl FleetEventDraft {
    /// An operator acted on a session.
    #[must_use]
    pub fn action(
        session: &Session,
        action: ActionName,
        actor: &Actor,
        message: Option<MessageId>,
        at: Timestamp,
    ) -> Self {
        let data = json!({
            "action": action,
            "actor": actor,
            "desiredStatus": session.desired_status,
            "messageId": message,
        });
        Self::new(FleetEventKind::Action, Some(session.id), at, data)
    }
}
