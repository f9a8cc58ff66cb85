//! The fleet in numbers.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::survey::FleetSurvey;

/// Counts what is in a store.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait FleetSurveyor: Send + Sync {
    /// Counts. The numbers need not be of one moment. A large store may read an index whole for it, so it is not to be
    /// called for each request.
    async fn survey(&self) -> Result<FleetSurvey, StoreUnavailable>;
}
