//! Waiting for an operation.

use std::time::Duration;

use flightdeck_domain::ids::OperationId;
use flightdeck_domain::operation::Operation;
use tokio::time::Instant;

use crate::problem::ApiError;
use crate::state::Api;

/// Waits until nothing of an operation is open, or the time is up; gives it as it was last seen.
pub(super) async fn settled(api: &Api, id: OperationId, wait: Duration) -> Result<Operation, ApiError> {
    let deadline = Instant::now() + wait;
    let mut hints = api.hints.feed();
    loop {
        hints.mark_unchanged();
        let operation = api.operations.one(id).await?.ok_or_else(|| ApiError::no_operation(id))?;
        if operation.completed_at.is_some() || Instant::now() >= deadline {
            return Ok(operation);
        }
        // At most twenty looks a second, however many sessions move at once.
        tokio::time::sleep_until(deadline.min(Instant::now() + Duration::from_millis(50))).await;
        let next_look = deadline.min(Instant::now() + Duration::from_millis(200));
        let _ = tokio::time::timeout_at(next_look, hints.changed()).await;
    }
}
