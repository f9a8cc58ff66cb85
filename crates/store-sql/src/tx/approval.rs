//! Permission requests.

use flightdeck_domain::approval::Approval;
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::ports::{ApprovalCursor, ApprovalQuery, ApprovalRows, Rows};
use flightdeck_domain::time::Timestamp;

use super::{Dialect, SqlTx};
use crate::connection::Connection;
use crate::rows::approval::{ApprovalIdRow, ApprovalRow, Closed, NewApprovalRow};
use crate::rows::page::{asked, page_of};
use crate::schema::approvals;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, integer};

const COLUMNS: &str = ApprovalRow::COLUMNS;

impl<D: Dialect> ApprovalRows for SqlTx<D> {
    async fn insert_approval(&mut self, approval: &Approval) -> Rows<bool> {
        let row = NewApprovalRow::from(approval);
        let insert = diesel::insert_into(approvals::table).values(&row).on_conflict_do_nothing();
        Ok(self.connection().run(insert).await? > 0)
    }

    async fn approval(&mut self, id: ApprovalId) -> Rows<Option<Approval>> {
        let sql = format!("SELECT {COLUMNS} FROM approvals WHERE id = ?");
        Ok(self.connection().value::<ApprovalRow, _>(Prepared::new(sql, [Bind::Id(id.key())])).await?)
    }

    /// What can change of a request: how it was closed.
    async fn save_approval(&mut self, approval: &Approval) -> Rows<()> {
        let closed = Closed::of(approval);
        self.execute(Prepared::new(
            "UPDATE approvals SET status = ?, closed_at = ?, decided_option = ?, decided_by = ?, reason = ?, \
             expired_why = ?, answer = ? WHERE id = ?",
            [
                Bind::Text(approval.status().as_str()),
                Bind::MaybeInteger(closed.at),
                Bind::MaybeText(closed.option),
                Bind::MaybeText(closed.by),
                Bind::MaybeText(closed.reason),
                Bind::MaybeText(closed.why),
                Bind::MaybeText(closed.answer.as_deref()),
                Bind::Id(approval.id.key()),
            ],
        ))
        .await
    }

    async fn open_approvals(&mut self, session: SessionId) -> Rows<Vec<Approval>> {
        let by = Self::WORDS.by("approvals_open");
        let sql = format!("SELECT {COLUMNS} FROM approvals {by} WHERE session_id = ? AND status = 'open'");
        Ok(self.connection().values::<ApprovalRow, _>(Prepared::new(sql, [Bind::Id(session.key())])).await?)
    }

    async fn count_open_approvals(&mut self, session: SessionId) -> Rows<u64> {
        let by = Self::WORDS.by("approvals_open");
        let sql = format!("SELECT COUNT(*) AS n FROM approvals {by} WHERE session_id = ? AND status = 'open'");
        Ok(self.connection().count(Prepared::new(sql, [Bind::Id(session.key())])).await?)
    }

    async fn due_approvals(&mut self, now: Timestamp, limit: usize) -> Rows<Vec<ApprovalId>> {
        let by = Self::WORDS.by("approvals_due");
        let sql = format!(
            "SELECT id FROM approvals {by} WHERE status = 'open' AND expires_at IS NOT NULL AND expires_at <= ? \
             ORDER BY expires_at, id LIMIT CAST(? AS BIGINT)"
        );
        let due = Prepared::new(sql, [Bind::Integer(now.as_micros()), Bind::Integer(integer(limit))]);
        Ok(self.connection().values::<ApprovalIdRow, _>(due).await?)
    }

    async fn approval_page(&mut self, query: &ApprovalQuery) -> Rows<(Vec<Approval>, Option<ApprovalCursor>)> {
        let mut page = Statement::begin(format!("SELECT {COLUMNS} FROM approvals WHERE TRUE"));
        if let Some(session) = &query.filter.session_id {
            page = page.sql(" AND session_id = ?").bind(Bind::Id(session.key()));
        }
        if let Some(top) = &query.filter.subtree {
            page = page.sql(" AND session_id IN ").sql(&Self::WORDS.below()).bind(Bind::Id(top.key()));
        }
        if let Some(missions) = &query.filter.missions {
            page = page.sql(" AND ").session_of("approvals.session_id", missions);
        }
        page = match query.filter.statuses.as_slice() {
            [] => page,
            [status] if query.filter.session_id.is_none() => {
                page.sql(" AND status = ?").bind(Bind::Text(status.as_str()))
            }
            several => page.sql(&Self::WORDS.status_in(several)),
        };
        if let Some(before) = &query.before {
            page = page
                .sql(" AND (opened_at, id) < (?, ?)")
                .bind(Bind::Integer(before.opened_at.as_micros()))
                .bind(Bind::Id(before.id.key()));
        }
        let page = page.sql(" ORDER BY opened_at DESC, id DESC LIMIT ?").bind(asked(query.limit));
        let rows: Vec<ApprovalRow> = self.connection().load(page).await?;
        let cursor = |last: &Approval| ApprovalCursor { opened_at: last.opened_at, id: last.id };
        Ok(page_of(rows, query.limit, cursor)?)
    }
}
