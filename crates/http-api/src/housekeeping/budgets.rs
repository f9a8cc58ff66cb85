//! Budgets that are used up.

use flightdeck_domain::ports::StoreUnavailable;

/// Tells how a look for them ended, whoever looked: a request that used one up, or the sweep. What failed is done by a later
/// sweep.
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
