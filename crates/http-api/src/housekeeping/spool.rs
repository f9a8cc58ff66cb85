//! Folds the stops of an outage into the audit log.

use flightdeck_domain::use_cases::FoldSpool;

/// Writes their entries to the audit log.
pub(super) async fn fold(fold: &FoldSpool) {
    match fold.execute().await {
        Ok(0) => {}
        Ok(stops) => tracing::warn!(stops, "stops from the time of an outage are on the audit log now"),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::debug!(cause, "the audit log still cannot be written");
        }
    }
}
