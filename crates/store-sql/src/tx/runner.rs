//! Runners and assignments.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{AssignmentPlace, Rows, RunnerRows};
use flightdeck_domain::runner::{Assignment, AssignmentFilter, Runner, RunnerName};
use flightdeck_domain::time::Timestamp;

use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::runner::{AssignmentRow, LoadRow, NewAssignmentRow, NewRunnerRow, RunnerRow};
use crate::schema::{assignments, runners};
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key as _, counted};

async fn runner<C: Connection>(connection: &mut C, name: &RunnerName, lock: &str) -> Done<Option<Runner>> {
    let sql = format!("SELECT {} FROM runners WHERE name = ?{lock}", RunnerRow::COLUMNS);
    connection.value::<RunnerRow, _>(Prepared::new(sql, [Bind::Text(name.as_str())])).await
}

async fn assignment<C: Connection>(connection: &mut C, session: SessionId, lock: &str) -> Done<Option<Assignment>> {
    let sql = format!("SELECT {} FROM assignments WHERE session_id = ?{lock}", AssignmentRow::COLUMNS);
    connection.value::<AssignmentRow, _>(Prepared::new(sql, [Bind::Id(session.key())])).await
}

/// A runner, locked.
pub async fn lock_runner<C: Connection>(connection: &mut C, name: &RunnerName) -> Done<Option<Runner>> {
    runner(connection, name, C::WORDS.lock()).await
}

/// An assignment, locked.
pub async fn lock_assignment<C: Connection>(connection: &mut C, session: SessionId) -> Done<Option<Assignment>> {
    assignment(connection, session, C::WORDS.lock()).await
}

/// A page of assignments under conditions, in their order.
fn page(mut page: Statement<'_>, after: Option<AssignmentPlace>, limit: usize) -> Statement<'_> {
    if let Some((created_at, session)) = after {
        page = page
            .sql(" AND (created_at, session_id) > (?, ?)")
            .bind(Bind::Integer(created_at.as_micros()))
            .bind(Bind::Id(session.key()));
    }
    let limit = Bind::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    page.sql(" ORDER BY created_at, session_id LIMIT ?").bind(limit)
}

fn select() -> Statement<'static> {
    Statement::begin(format!("SELECT {} FROM assignments WHERE ", AssignmentRow::COLUMNS))
}

impl<D: Dialect> RunnerRows for SqlTx<D> {
    async fn insert_runner(&mut self, runner: &Runner) -> Rows<bool> {
        let row = NewRunnerRow::from(runner);
        let insert = diesel::insert_into(runners::table).values(&row).on_conflict_do_nothing();
        Ok(self.connection().run(insert).await? > 0)
    }

    async fn runner(&mut self, name: &RunnerName) -> Rows<Option<Runner>> {
        Ok(runner(self.connection(), name, "").await?)
    }

    async fn lock_runner(&mut self, name: &RunnerName) -> Rows<Option<Runner>> {
        Ok(Dialect::lock_runner(&mut self.0, name).await?)
    }

    async fn runners(&mut self) -> Rows<Vec<Runner>> {
        let order = Self::WORDS.in_bytes("name");
        let sql = format!("SELECT {} FROM runners ORDER BY {order}", RunnerRow::COLUMNS);
        Ok(self.connection().values::<RunnerRow, _>(Prepared::new(sql, [])).await?)
    }

    async fn save_runner(&mut self, runner: &Runner) -> Rows<()> {
        let row = NewRunnerRow::from(runner);
        let binds = [
            Bind::Text(&row.instance),
            Bind::Text(row.key_id),
            Bind::Text(row.state),
            Bind::Text(&row.labels),
            Bind::Text(&row.offers),
            Bind::Integer(row.capacity),
            Bind::Integer(row.protocol),
            Bind::Text(row.version),
            Bind::Integer(row.registered_at),
            Bind::Integer(row.seen_at),
            Bind::Integer(row.clock_ahead),
            Bind::Text(runner.name.as_str()),
        ];
        let sql = "UPDATE runners SET instance = ?, key_id = ?, state = ?, labels = ?, offers = ?, capacity = ?, \
                   protocol = ?, version = ?, registered_at = ?, seen_at = ?, clock_ahead = ? WHERE name = ?";
        self.execute(Prepared::new(sql, binds)).await
    }

    async fn remove_runner(&mut self, name: &RunnerName) -> Rows<()> {
        self.execute(Prepared::new("DELETE FROM runners WHERE name = ?", [Bind::Text(name.as_str())])).await
    }

    async fn insert_assignment(&mut self, assignment: &Assignment) -> Rows<bool> {
        let row = NewAssignmentRow::from(assignment);
        let insert = diesel::insert_into(assignments::table).values(&row).on_conflict_do_nothing();
        Ok(self.connection().run(insert).await? > 0)
    }

    async fn assignment(&mut self, session: SessionId) -> Rows<Option<Assignment>> {
        Ok(assignment(self.connection(), session, "").await?)
    }

    async fn lock_assignment(&mut self, session: SessionId) -> Rows<Option<Assignment>> {
        Ok(Dialect::lock_assignment(&mut self.0, session).await?)
    }

    async fn assignments(
        &mut self,
        filter: &AssignmentFilter,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Rows<Vec<Assignment>> {
        let mut wanted = if filter.states.is_empty() {
            select().sql("1 = 1")
        } else {
            // Words of our own: as literals they show the database which index there is for them.
            let states: Vec<String> = filter.states.iter().map(|state| format!("'{}'", state.as_str())).collect();
            select().sql(&format!("state IN ({})", states.join(", ")))
        };
        if let Some(runner) = &filter.runner {
            wanted = wanted.sql(" AND runner = ?").bind(Bind::Text(runner.as_str()));
        }
        Ok(self.connection().values::<AssignmentRow, _>(page(wanted, after, limit)).await?)
    }

    async fn open_assignments(
        &mut self,
        now: Timestamp,
        runner: &RunnerName,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Rows<Vec<Assignment>> {
        let wanted = select()
            .sql("state IN ('waiting', 'leased') AND (state = 'waiting' OR leased_until < ? OR runner = ?)")
            .bind(Bind::Integer(now.as_micros()))
            .bind(Bind::Text(runner.as_str()));
        Ok(self.connection().values::<AssignmentRow, _>(page(wanted, after, limit)).await?)
    }

    async fn loads(&mut self) -> Rows<Vec<(RunnerName, u64)>> {
        let sql = "SELECT runner, COUNT(*) AS load FROM assignments \
                   WHERE state IN ('leased', 'started') AND runner IS NOT NULL GROUP BY runner";
        let mut loads: Vec<(RunnerName, u64)> = self.connection().values::<LoadRow, _>(Prepared::new(sql, [])).await?;
        loads.sort();
        Ok(loads)
    }

    async fn save_assignment(&mut self, assignment: &Assignment) -> Rows<()> {
        let instance = assignment.instance.map(|instance| instance.to_string());
        let binds = [
            Bind::Text(assignment.state.as_str()),
            Bind::Integer(counted(assignment.fence)),
            Bind::MaybeText(assignment.runner.as_ref().map(RunnerName::as_str)),
            Bind::MaybeText(instance.as_deref()),
            Bind::MaybeInteger(assignment.leased_until.map(|until| until.as_micros())),
            Bind::Id(assignment.session_id.key()),
        ];
        let sql = "UPDATE assignments SET state = ?, fence = ?, runner = ?, instance = ?, leased_until = ? WHERE session_id = ?";
        self.execute(Prepared::new(sql, binds)).await
    }
}
