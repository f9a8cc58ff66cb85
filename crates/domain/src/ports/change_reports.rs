//! What agents changed, as those told it who see the folders.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::changes::{ChangeReport, Stretch};
use crate::ids::SessionId;

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SaveReportError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The conversation is in the archive, and its changes are gone with it.
    #[error("session {0} is archived")]
    Archived(SessionId),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps reports of changes. Only whoever sees the folder of an agent can compare its states; a report is there for all
/// others, and when that machine is gone.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ChangeReports: Send + Sync {
    /// Keeps a report on a part of a session in place of an earlier one. A report whose later state was looked at before that
    /// of the one that is there changes nothing. Of turns the reports of the last [`ChangeReport::KEPT_TURNS`] stay.
    async fn save_change_report(
        &self,
        session: SessionId,
        stretch: Stretch,
        report: ChangeReport,
    ) -> Result<(), SaveReportError>;

    /// The report on a part of a session. They go when the session is archived.
    async fn change_report(
        &self,
        session: SessionId,
        stretch: Stretch,
    ) -> Result<Option<ChangeReport>, StoreUnavailable>;
}
