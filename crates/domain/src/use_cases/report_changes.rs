//! Whoever sees the folder of an agent tells what has changed in it.

use std::sync::Arc;

use super::Has;
use crate::changes::{ChangeReport, InvalidReport, Stretch};
use crate::ids::SessionId;
use crate::ports::{ChangeReports, SaveReportError};

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportChangesError {
    /// It breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidReport),
    /// It cannot be kept.
    #[error(transparent)]
    NotSaved(#[from] SaveReportError),
}

/// Takes reports of changes.
#[derive(Clone)]
pub struct ReportChanges {
    reports: Arc<dyn ChangeReports>,
}

impl ReportChanges {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P: Has<dyn ChangeReports>>(ports: &P) -> Self {
        Self { reports: ports.port() }
    }

    /// Keeps a report on a part of a session, unless a later one is there.
    ///
    /// # Errors
    /// See [`ReportChangesError`].
    pub async fn execute(
        &self,
        session: SessionId,
        stretch: Stretch,
        report: ChangeReport,
    ) -> Result<(), ReportChangesError> {
        report.check()?;
        if stretch == Stretch::Turn(0) {
            let why = "turns are counted from 1; leave it out for the whole session".to_owned();
            return Err(InvalidReport { field: "/turn".to_owned(), why }.into());
        }
        Ok(self.reports.save_change_report(session, stretch, report).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{change_report, session_id};
    use crate::ports::MockChangeReports;

    #[tokio::test]
    async fn a_report_within_the_rules_is_kept_and_no_other() {
        let mut reports = MockChangeReports::new();
        let wanted = change_report(1, 1);
        let kept = wanted.clone();
        reports
            .expect_save_change_report()
            .withf(move |id, stretch, report| *id == session_id(1) && *stretch == Stretch::Turn(2) && *report == kept)
            .once()
            .returning(|_, _, _| Ok(()));
        let report = ReportChanges { reports: Arc::new(reports) };
        report.execute(session_id(1), Stretch::Turn(2), wanted.clone()).await.expect("kept");
        let none = report.execute(session_id(1), Stretch::Turn(0), wanted.clone()).await.expect_err("no turn");
        assert!(matches!(none, ReportChangesError::Invalid(InvalidReport { field, .. }) if field == "/turn"));
        let broken = ChangeReport { folder: String::new(), ..wanted };
        let broken = report.execute(session_id(1), Stretch::Whole, broken).await.expect_err("no folder");
        assert!(matches!(broken, ReportChangesError::Invalid(InvalidReport { field, .. }) if field == "/folder"));
    }
}
