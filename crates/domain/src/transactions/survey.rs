//! The fleet in numbers.

use async_trait::async_trait;

use super::run::run;
use crate::ports::{FleetFeed, FleetSurveyor, StoreUnavailable, SurveyRows, Transactional};
use crate::survey::FleetSurvey;

#[async_trait]
impl<S: Transactional + FleetFeed> FleetSurveyor for S {
    /// Each count is a read of its own: together they would hold a large store for long.
    async fn survey(&self) -> Result<FleetSurvey, StoreUnavailable> {
        Ok(FleetSurvey {
            sessions: run!(self.read, (), |tx| tx.survey_sessions()).await?,
            approvals: run!(self.read, (), |tx| tx.survey_approvals()).await?,
            operations: run!(self.read, (), |tx| tx.survey_operations()).await?,
            assignments: run!(self.read, (), |tx| tx.survey_assignments()).await?,
            feed_head: self.head().await?,
            store_bytes: run!(self.read, (), |tx| tx.store_bytes()).await?,
        })
    }
}
