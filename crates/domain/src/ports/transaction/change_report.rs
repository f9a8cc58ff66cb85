//! Reports of changes.

use std::ops::RangeInclusive;

use super::Rows;
use crate::changes::ChangeReport;
use crate::ids::SessionId;

/// The rows of reports, by session and turn; 0 is the whole session. The lock of a session guards them.
pub trait ChangeReportRows: Send {
    /// Reads a report.
    fn change_report(
        &mut self,
        session: SessionId,
        turn: u32,
    ) -> impl Future<Output = Rows<Option<ChangeReport>>> + Send;

    /// Writes a report in place of one that is there.
    fn save_change_report(
        &mut self,
        session: SessionId,
        turn: u32,
        report: &ChangeReport,
    ) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes the reports on some turns.
    fn remove_change_reports(
        &mut self,
        session: SessionId,
        turns: RangeInclusive<u32>,
    ) -> impl Future<Output = Rows<()>> + Send;
}
