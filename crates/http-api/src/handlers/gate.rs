//! Who may step in, and how often.

use std::sync::Arc;

use flightdeck_domain::action::{ActionName, Origin};
use flightdeck_domain::audit::AuditTarget;
use flightdeck_domain::ids::{KeyId, SessionId};
use flightdeck_domain::operator::{Permission, Principal};
use flightdeck_domain::text::RequestId;
use flightdeck_domain::use_cases::{Authorize, AuthorizeError, RecordRefusal};

use crate::problem::ApiError;
use crate::throttle::{ControlThrottle, Lane, Throttle};

/// The checks that every call of an operator passes.
pub(crate) struct Gate {
    pub(crate) authorize: Authorize,
    pub(crate) record_refusal: RecordRefusal,
    pub(crate) throttle_control: Arc<dyn ControlThrottle>,
    pub(crate) throttle_stop: Arc<Throttle<KeyId>>,
    /// Limits the recorded denials, so that they cannot flood the audit log.
    pub(crate) throttle_refusals: Arc<Throttle<KeyId>>,
}

impl Gate {
    /// Whether the caller may step in on what is aimed at. A denial is recorded, unless the caller tries so often that the record would be
    /// flooded.
    pub(super) async fn permit(
        &self,
        principal: &Principal,
        request_id: &RequestId,
        action: ActionName,
        target: AuditTarget,
    ) -> Result<(), ApiError> {
        self.permit_to(Permission::Control, principal, request_id, action, target).await
    }

    /// The same, for what not everybody may who may step in.
    pub(super) async fn permit_to(
        &self,
        permission: Permission,
        principal: &Principal,
        request_id: &RequestId,
        action: ActionName,
        target: AuditTarget,
    ) -> Result<(), ApiError> {
        let allowed = self.authorize.on_target(principal, permission, &target).await;
        self.recorded(allowed, principal, request_id, action, target).await
    }

    /// Whether the caller may step in on a session and all below it; the same holds of a denial.
    pub(super) async fn permit_below(
        &self,
        principal: &Principal,
        request_id: &RequestId,
        action: ActionName,
        top: SessionId,
    ) -> Result<(), ApiError> {
        let allowed = self.authorize.on_subtree(principal, Permission::Control, top).await;
        self.recorded(allowed, principal, request_id, action, AuditTarget::Session(top)).await
    }

    async fn recorded(
        &self,
        allowed: Result<(), AuthorizeError>,
        principal: &Principal,
        request_id: &RequestId,
        action: ActionName,
        target: AuditTarget,
    ) -> Result<(), ApiError> {
        let denied = match allowed {
            Ok(()) => return Ok(()),
            Err(AuthorizeError::Denied(denied)) => denied,
            Err(AuthorizeError::Unavailable(error)) => return Err(error.into()),
        };
        self.throttle_refusals.admit(&principal.key_id).pass()?;
        let by = Origin::new(principal.actor(), request_id.clone());
        self.record_refusal.execute(by, action, target, &denied).await?;
        Err(ApiError::Denied(denied.to_string()))
    }

    /// Counts a call, and limits the rate of the key.
    pub(super) async fn admit(&self, key: &KeyId, lane: Lane) -> Result<(), ApiError> {
        match lane {
            Lane::Stop => self.throttle_stop.admit(key),
            Lane::Control(route) => self.throttle_control.admit(route, key).await,
        }
        .pass()
    }
}
