//! Reports of changes.

use std::ops::RangeInclusive;

use flightdeck_domain::changes::ChangeReport;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{ChangeReportRows, Rows, StoreUnavailable};

use super::{Dialect, SqlTx};
use crate::connection::Connection as _;
use crate::rows::change_report::ChangeReportRow;
use crate::statement::{Bind, Prepared};
use crate::values::Key;

impl<D: Dialect> ChangeReportRows for SqlTx<D> {
    async fn change_report(&mut self, session: SessionId, turn: u32) -> Rows<Option<ChangeReport>> {
        let columns = ChangeReportRow::COLUMNS;
        let sql = format!("SELECT {columns} FROM change_reports WHERE session_id = ? AND turn = ?");
        let binds = [Bind::Id(session.key()), Bind::Integer(turn.into())];
        Ok(self.connection().value::<ChangeReportRow, _>(Prepared::new(sql, binds)).await?)
    }

    async fn save_change_report(&mut self, session: SessionId, turn: u32, report: &ChangeReport) -> Rows<()> {
        let json = serde_json::to_string(report).map_err(StoreUnavailable::new)?;
        let binds = [Bind::Id(session.key()), Bind::Integer(turn.into()), Bind::Text(&json)];
        let sql = "INSERT INTO change_reports (session_id, turn, report) VALUES (?, ?, ?) \
                   ON CONFLICT (session_id, turn) DO UPDATE SET report = excluded.report";
        self.execute(Prepared::new(sql, binds)).await
    }

    async fn remove_change_reports(&mut self, session: SessionId, turns: RangeInclusive<u32>) -> Rows<()> {
        let (first, last) = turns.into_inner();
        let binds = [Bind::Id(session.key()), Bind::Integer(first.into()), Bind::Integer(last.into())];
        let sql = "DELETE FROM change_reports WHERE session_id = ? AND turn >= ? AND turn <= ?";
        self.execute(Prepared::new(sql, binds)).await
    }
}
