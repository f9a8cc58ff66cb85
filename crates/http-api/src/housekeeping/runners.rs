//! Looks after what runners were assigned.

use flightdeck_domain::use_cases::KeepRunners;

/// Does it once, and logs how that ended.
pub(super) async fn keep(keep: &KeepRunners) {
    match keep.execute().await {
        Ok(0) => {}
        Ok(moved) => tracing::info!(moved, "sessions were moved that runners had, or had not started"),
        Err(error) => tracing::warn!(%error, "what runners were assigned was not looked after"),
    }
}
