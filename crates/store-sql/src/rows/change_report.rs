//! Rows of `change_reports`.

use flightdeck_domain::changes::ChangeReport;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::MovedReport;

use super::{BrokenRow, Column, Fault};
use crate::schema::change_reports;
use crate::values::Id;

row! {
    /// What an agent changed in a turn, or in the whole session.
    #[diesel(table_name = change_reports)]
    pub struct ChangeReportRow {
        session_id: Id,
        turn: i64,
        report: String,
    }
}

impl TryFrom<ChangeReportRow> for MovedReport {
    type Error = BrokenRow;

    fn try_from(row: ChangeReportRow) -> Result<Self, BrokenRow> {
        let name = format!("{}, {}", row.session_id, row.turn);
        row.read().map_err(|fault| fault.of("change_reports", name))
    }
}

impl TryFrom<ChangeReportRow> for ChangeReport {
    type Error = BrokenRow;

    fn try_from(row: ChangeReportRow) -> Result<Self, BrokenRow> {
        MovedReport::try_from(row).map(|moved| moved.report)
    }
}

impl ChangeReportRow {
    fn read(self) -> Result<MovedReport, Fault> {
        Ok(MovedReport {
            session: SessionId::try_from(self.session_id).column("session_id")?,
            turn: u32::try_from(self.turn).column("turn")?,
            report: serde_json::from_str(&self.report).column("report")?,
        })
    }
}
