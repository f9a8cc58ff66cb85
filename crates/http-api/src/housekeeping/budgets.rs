//! Enforces budgets that are used up.

use flightdeck_domain::ports::StoreUnavailable;

/// Logs how an enforcement of budgets ended, both after a request that used a budget up and after a regular one. A
/// later run repeats what failed.
pub(crate) fn told(done: &Result<u64, StoreUnavailable>) {
    match done {
        Ok(0) => {}
        Ok(pauses) => tracing::info!(pauses, "budgets are used up, and whom they concern is to pause"),
        Err(error) => {
            let cause: &dyn std::error::Error = error;
            tracing::warn!(cause, "cannot pause whoever has used up a budget; trying again");
        }
    }
}
