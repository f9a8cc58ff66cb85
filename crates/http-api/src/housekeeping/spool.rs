//! The stops of an outage.

use flightdeck_domain::use_cases::FoldSpool;

/// Gives them their places on the audit log.
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
