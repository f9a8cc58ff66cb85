//! Who may step in, and how often.

use std::sync::Arc;

use flightdeck_domain::action::{ActionName, Origin};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::operator::{Permission, Principal};
use flightdeck_domain::text::RequestId;
use flightdeck_domain::use_cases::{Authorize, RecordRefusal};

use crate::problem::ApiError;
use crate::throttle::{ControlThrottle, Lane, Throttle};

/// What every call of an operator passes.
pub(crate) struct Gate {
    pub(crate) authorize: Authorize,
    pub(crate) record_refusal: RecordRefusal,
    pub(crate) throttle_control: Arc<dyn ControlThrottle>,
    pub(crate) throttle_stop: Arc<Throttle<KeyId>>,
    /// What is put on record of those who may not step in, so that they cannot flood it.
    pub(crate) throttle_refusals: Arc<Throttle<KeyId>>,
}

impl Gate {
    /// Whether they may step in. That they may not is put on record, unless they try it so often that the record would be
    /// flooded.
    pub(super) async fn permit(
        &self,
        principal: &Principal,
        request_id: &RequestId,
        action: ActionName,
        target: AuditTarget,
    ) -> Result<(), ApiError> {
        let Err(denied) = self.authorize.role(principal, Permission::Control) else { return Ok(()) };
        self.throttle_refusals.admit(&principal.key_id).pass()?;
        let by = Origin::new(principal.actor(), request_id.clone());
        self.record_refusal.execute(by, action, target, &denied).await?;
        Err(ApiError::Denied(denied.to_string()))
    }

    /// Counts a call, and holds the key to its rate.
    pub(super) async fn admit(&self, key: &KeyId, lane: Lane) -> Result<(), ApiError> {
        match lane {
            Lane::Stop => self.throttle_stop.admit(key),
            Lane::Control(route) => self.throttle_control.admit(route, key).await,
        }
        .pass()
    }
}
