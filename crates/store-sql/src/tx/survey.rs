//! Counts of rows.

use std::collections::BTreeMap;

use flightdeck_domain::ports::{Rows, SurveyRows};
use flightdeck_domain::runner::AssignmentState;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::survey::Waiting;

use super::{Dialect, SqlTx};
use crate::connection::Connection;
use crate::rows::survey::{BytesRow, CountedState, CountedStatus, WaitingRow};
use crate::statement::Prepared;

impl<D: Dialect> SurveyRows for SqlTx<D> {
    async fn survey_sessions(&mut self) -> Rows<BTreeMap<SessionStatus, u64>> {
        let by = D::Connection::WORDS.by("sessions_status");
        let sql = format!("SELECT status AS word, COUNT(*) AS n FROM sessions {by} GROUP BY status");
        let counts: Vec<(SessionStatus, u64)> =
            self.connection().values::<CountedStatus, _>(Prepared::new(sql, [])).await?;
        Ok(counts.into_iter().collect())
    }

    async fn survey_approvals(&mut self) -> Rows<Waiting> {
        let by = D::Connection::WORDS.by("approvals_status");
        let sql = format!("SELECT COUNT(*) AS n, MIN(opened_at) AS oldest FROM approvals {by} WHERE status = 'open'");
        let counted = self.connection().value::<WaitingRow, _>(Prepared::new(sql, [])).await?;
        Ok(counted.unwrap_or_default())
    }

    async fn survey_operations(&mut self) -> Rows<Waiting> {
        let by = D::Connection::WORDS.by("operations_open");
        let sql = format!(
            "SELECT COUNT(*) AS n, MIN(requested_at) AS oldest FROM operations {by} WHERE completed_at IS NULL"
        );
        let counted = self.connection().value::<WaitingRow, _>(Prepared::new(sql, [])).await?;
        Ok(counted.unwrap_or_default())
    }

    async fn survey_assignments(&mut self) -> Rows<BTreeMap<AssignmentState, u64>> {
        // Each part has an index that holds nothing of what has ended.
        let sql = "SELECT state AS word, COUNT(*) AS n FROM assignments WHERE state IN ('waiting', 'leased') GROUP BY state \
                   UNION ALL \
                   SELECT state, COUNT(*) FROM assignments WHERE state IN ('leased', 'started') AND state = 'started' \
                   GROUP BY state";
        let counts: Vec<(AssignmentState, u64)> =
            self.connection().values::<CountedState, _>(Prepared::new(sql, [])).await?;
        Ok(counts.into_iter().collect())
    }

    async fn store_bytes(&mut self) -> Rows<Option<u64>> {
        let sql = D::Connection::WORDS.store_bytes();
        Ok(self.connection().value::<BytesRow, _>(Prepared::new(sql, [])).await?)
    }
}
