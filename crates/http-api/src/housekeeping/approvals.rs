//! Closes permission requests that nobody decided in time.

use flightdeck_domain::use_cases::ExpireApprovals;

/// Closes expired requests, and logs the result.
pub(super) async fn expire(expire: &ExpireApprovals) {
    if let Err(error) = expire.execute().await {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(cause, "cannot close permission requests whose deadline has passed; trying again");
    }
}
