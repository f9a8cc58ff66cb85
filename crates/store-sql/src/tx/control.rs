//! Operations, their targets, and control calls that were sent with a key.

use flightdeck_domain::action::Remembered;
use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, OperationTarget, TargetOutcome, Wish};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{
    ControlRows, OperationCursor, OperationPage, OperationQuery, Rows, TargetCursor, TargetPage, TargetQuery,
};
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;

use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::idempotency::{NewRememberedRow, RememberedRow};
use crate::rows::operation::{NewOperationRow, OperationRow, TargetRow, outcome_detail};
use crate::rows::page::{asked, page_of};
use crate::schema::{idempotency_keys, operations};
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, counted};

async fn operation<C: Connection>(connection: &mut C, id: OperationId, lock: &str) -> Done<Option<Operation>> {
    let sql = format!("SELECT {} FROM operations WHERE id = ?{lock}", OperationRow::COLUMNS);
    connection.value::<OperationRow, _>(Prepared::new(sql, [Bind::Id(id.key())])).await
}

/// Inserts an operation.
pub async fn insert_operation<C: Connection>(connection: &mut C, operation: &Operation) -> Done<()> {
    connection.run(diesel::insert_into(operations::table).values(&NewOperationRow::from(operation))).await?;
    Ok(())
}

/// An operation, locked.
pub async fn lock_operation<C: Connection>(connection: &mut C, id: OperationId) -> Done<Option<Operation>> {
    operation(connection, id, C::WORDS.lock()).await
}

/// The open targets of a session, in the order of their operations' ids.
pub async fn open_targets<C: Connection>(connection: &mut C, session: SessionId) -> Done<Vec<OperationTarget>> {
    let sql = format!(
        "SELECT {} FROM operation_targets {} WHERE session_id = ? AND outcome IS NULL ORDER BY operation_id",
        TargetRow::COLUMNS,
        C::WORDS.by("operation_targets_open")
    );
    connection.values::<TargetRow, _>(Prepared::new(sql, [Bind::Id(session.key())])).await
}

/// Remembers a call.
pub async fn remember<C: Connection>(
    connection: &mut C,
    actor: &Actor,
    key: &IdempotencyKey,
    call: &Remembered,
) -> Done<()> {
    let row = NewRememberedRow::new(actor, key, call);
    connection.run(diesel::insert_into(idempotency_keys::table).values(&row)).await?;
    Ok(())
}

impl<D: Dialect> ControlRows for SqlTx<D> {
    async fn insert_operation(&mut self, operation: &Operation) -> Rows<()> {
        Ok(Dialect::insert_operation(&mut self.0, operation).await?)
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Rows<()> {
        Ok(Dialect::insert_targets(&mut self.0, targets).await?)
    }

    async fn operation(&mut self, id: OperationId) -> Rows<Option<Operation>> {
        Ok(operation(self.connection(), id, "").await?)
    }

    async fn lock_operation(&mut self, id: OperationId) -> Rows<Option<Operation>> {
        Ok(Dialect::lock_operation(&mut self.0, id).await?)
    }

    /// What can change of an operation: how far it has come.
    async fn save_operation(&mut self, operation: &Operation) -> Rows<()> {
        let tally = operation.tally;
        self.execute(Prepared::new(
            "UPDATE operations SET open = ?, observed = ?, ended = ?, refused = ?, superseded = ?, completed_at = ? \
             WHERE id = ?",
            [
                Bind::Integer(counted(tally.open)),
                Bind::Integer(counted(tally.observed)),
                Bind::Integer(counted(tally.ended)),
                Bind::Integer(counted(tally.refused)),
                Bind::Integer(counted(tally.superseded)),
                Bind::MaybeInteger(operation.completed_at.map(|at| at.as_micros())),
                Bind::Id(operation.id.key()),
            ],
        ))
        .await
    }

    async fn open_operations(&mut self, wish: Wish) -> Rows<Vec<Operation>> {
        let sql = format!(
            "SELECT {} FROM operations {} WHERE completed_at IS NULL AND wish = ? ORDER BY requested_at, id",
            OperationRow::COLUMNS,
            Self::WORDS.by("operations_open")
        );
        Ok(self.connection().values::<OperationRow, _>(Prepared::new(sql, [Bind::Text(wish.as_str())])).await?)
    }

    async fn open_targets(&mut self, session: SessionId) -> Rows<Vec<OperationTarget>> {
        Ok(Dialect::open_targets(&mut self.0, session).await?)
    }

    async fn save_target(&mut self, target: &OperationTarget) -> Rows<()> {
        self.execute(Prepared::new(
            "UPDATE operation_targets SET acknowledged_at = ?, observed_at = ?, outcome = ?, outcome_detail = ? \
             WHERE operation_id = ? AND depth = ? AND session_id = ?",
            [
                Bind::MaybeInteger(target.acknowledged_at.map(|at| at.as_micros())),
                Bind::MaybeInteger(target.observed_at.map(|at| at.as_micros())),
                Bind::MaybeText(target.outcome.as_ref().map(TargetOutcome::as_str)),
                Bind::MaybeText(target.outcome.as_ref().and_then(outcome_detail)),
                Bind::Id(target.operation_id.key()),
                Bind::Integer(counted(target.depth)),
                Bind::Id(target.session_id.key()),
            ],
        ))
        .await
    }

    async fn supersede_targets(&mut self, operation: OperationId) -> Rows<()> {
        self.execute(Prepared::new(
            "UPDATE operation_targets SET outcome = ? WHERE operation_id = ? AND outcome IS NULL",
            [Bind::Text(TargetOutcome::Superseded.as_str()), Bind::Id(operation.key())],
        ))
        .await
    }

    async fn operation_page(&mut self, query: &OperationQuery) -> Rows<OperationPage> {
        let (index, which) = match query.open {
            None => ("operations_newest", "TRUE"),
            Some(true) => ("operations_open", "completed_at IS NULL"),
            Some(false) => ("operations_completed", "completed_at IS NOT NULL"),
        };
        let (columns, by) = (OperationRow::COLUMNS, Self::WORDS.by(index));
        let mut page = Statement::begin(format!("SELECT {columns} FROM operations {by} WHERE {which}"));
        if let Some(missions) = &query.missions {
            page = page.sql(" AND (").one_of("scope_mission", missions).sql(" OR ");
            page = page.session_of("operations.scope_session", missions).sql(")");
        }
        if let Some(after) = &query.after {
            page = page
                .sql(" AND (requested_at, id) < (?, ?)")
                .bind(Bind::Integer(after.requested_at.as_micros()))
                .bind(Bind::Id(after.id.key()));
        }
        let page = page.sql(" ORDER BY requested_at DESC, id DESC LIMIT ?").bind(asked(query.limit));
        let rows: Vec<OperationRow> = self.connection().load(page).await?;
        let cursor = |last: &Operation| OperationCursor { requested_at: last.requested_at, id: last.id };
        let (operations, next) = page_of(rows, query.limit, cursor)?;
        Ok(OperationPage { operations, next })
    }

    /// Leaves first.
    async fn target_page(&mut self, query: &TargetQuery) -> Rows<TargetPage> {
        let mut page =
            Statement::begin(format!("SELECT {} FROM operation_targets WHERE operation_id = ?", TargetRow::COLUMNS))
                .bind(Bind::Id(query.operation.key()));
        if query.unseen_only {
            page = page.sql(" AND (outcome IS NULL OR outcome NOT IN ('observed', 'ended'))");
        }
        if let Some(missions) = &query.missions {
            page = page.sql(" AND ").session_of("operation_targets.session_id", missions);
        }
        if let Some(after) = &query.after {
            page = page
                .sql(" AND (depth, session_id) < (?, ?)")
                .bind(Bind::Integer(counted(after.depth)))
                .bind(Bind::Id(after.session_id.key()));
        }
        let page = page.sql(" ORDER BY depth DESC, session_id DESC LIMIT ?").bind(asked(query.limit));
        let rows: Vec<TargetRow> = self.connection().load(page).await?;
        let cursor = |last: &OperationTarget| TargetCursor { depth: last.depth, session_id: last.session_id };
        let (targets, next) = page_of(rows, query.limit, cursor)?;
        Ok(TargetPage { targets, next })
    }

    async fn remembered(&mut self, actor: &Actor, key: &IdempotencyKey) -> Rows<Option<Remembered>> {
        self.lock_call(actor, key).await?;
        let sql = format!("SELECT {} FROM idempotency_keys WHERE actor = ? AND key = ?", RememberedRow::COLUMNS);
        let call = Prepared::new(sql, [Bind::Text(actor.as_str()), Bind::Text(key.as_str())]);
        Ok(self.connection().value::<RememberedRow, _>(call).await?)
    }

    async fn remember(&mut self, actor: &Actor, key: &IdempotencyKey, call: &Remembered) -> Rows<()> {
        Ok(Dialect::remember(&mut self.0, actor, key, call).await?)
    }

    async fn forget_calls(&mut self, before: Timestamp) -> Rows<()> {
        let sql = Self::WORDS.delete("idempotency_keys", "at < ?");
        self.execute(Prepared::new(sql, [Bind::Integer(before.as_micros())])).await
    }
}
