//! Sessions, and what holds for the whole fleet.

use diesel::ExpressionMethods;
use flightdeck_domain::command::{CommandKind, Receipt};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::operation::{Operation, Scope};
use flightdeck_domain::ports::{Rows, SessionCursor, SessionFilter, SessionQuery, SessionRows, TreeLock};
use flightdeck_domain::session::{Ancestor, DesiredStatus, Session, SessionStatus, Silence};
use flightdeck_domain::text::{ProviderSessionId, Reason};
use flightdeck_domain::time::Timestamp;

use super::session_tree::DEPTHS;
use super::{Dialect, Done, SqlTx, session_list, session_tree};
use crate::connection::Connection;
use crate::rows::fleet::KillSwitchRow;
use crate::rows::session::{OPEN, SessionIdRow};
use crate::schema::fleet_state;
use crate::statement::{Bind, Ids, Prepared, Statement};
use crate::values::{Flag, Key, integer};

async fn one_whole<C: Connection>(connection: &mut C, id: SessionId, lock: &str) -> Done<Option<Session>> {
    let sql = format!("SELECT {}, {} FROM sessions WHERE id = ?{lock}", C::HEAD, C::REST);
    connection.value::<C::Whole, _>(Prepared::new(sql, [Bind::Id(id.key())])).await
}

/// One session with empty context and metadata: what every report of an agent needs, however much the agent was given to
/// work with.
async fn one_head<C: Connection>(connection: &mut C, id: SessionId, lock: &str) -> Done<Option<Session>> {
    let sql = format!("SELECT {} FROM sessions WHERE id = ?{lock}", C::HEAD);
    let head = connection.value::<C::Head, _>(Prepared::new(sql, [Bind::Id(id.key())])).await?;
    Ok(with_past(connection, head.into_iter().collect()).await?.pop())
}

/// A session with empty context and metadata.
///
/// # Errors
/// Those of the database, and of a row that makes no sense.
pub async fn head<C: Connection>(connection: &mut C, id: SessionId) -> Done<Option<Session>> {
    one_head(connection, id, "").await
}

/// A head, locked.
pub async fn lock_head<C: Connection>(connection: &mut C, id: SessionId) -> Done<Option<Session>> {
    one_head(connection, id, C::WORDS.lock()).await
}

/// A session.
pub async fn whole<C: Connection>(connection: &mut C, id: SessionId) -> Done<Option<Session>> {
    one_whole(connection, id, "").await
}

/// A session, locked.
pub async fn lock_whole<C: Connection>(connection: &mut C, id: SessionId) -> Done<Option<Session>> {
    one_whole(connection, id, C::WORDS.lock()).await
}

/// Several sessions in the order of their ids. Those that are not there are passed over.
///
/// # Errors
/// Those of the database, and of a row that makes no sense.
pub async fn wholes<C: Connection>(connection: &mut C, ids: &[SessionId], lock: &str) -> Done<Vec<Session>> {
    let ids = Ids::of(ids);
    let (head, rest, listed) = (C::HEAD, C::REST, C::WORDS.in_list());
    let sql = format!("SELECT {head}, {rest} FROM sessions WHERE id {listed} ORDER BY id{lock}");
    connection.values::<C::Whole, _>(Prepared::new(sql, [Bind::Ids(&ids)])).await
}

/// Several heads in the order of their ids. Those that are not there are passed over.
///
/// # Errors
/// Those of the database, and of a row that makes no sense.
pub async fn heads<C: Connection>(connection: &mut C, ids: &[SessionId], lock: &str) -> Done<Vec<Session>> {
    let ids = Ids::of(ids);
    let sql = format!("SELECT {} FROM sessions WHERE id {} ORDER BY id{lock}", C::HEAD, C::WORDS.in_list());
    let heads = connection.values::<C::Head, _>(Prepared::new(sql, [Bind::Ids(&ids)])).await?;
    with_past(connection, heads).await
}

/// Heads, and of lost sessions what they were before: in SQLite that stands behind the long columns, and is read only where
/// it is needed.
pub(super) async fn with_past<C: Connection>(connection: &mut C, mut heads: Vec<Session>) -> Done<Vec<Session>> {
    for head in heads.iter_mut().filter(|head| !C::HEAD_HAS_PAST && head.status == SessionStatus::Lost) {
        head.lost_from = one_whole(connection, head.id, "").await?.and_then(|whole| whole.lost_from);
    }
    Ok(heads)
}

/// Writes what can change of a session.
pub async fn save<C: Connection>(connection: &mut C, session: &Session) -> Done<()> {
    let save = Prepared::new(
        "UPDATE sessions SET status = ?, desired_status = ?, status_reason = ?, last_seq = ?, last_command_seq = ?, \
         revision = ?, started_at = ?, completed_at = ?, last_seen_at = ?, lost_from = ?, \
         provider_session_id = ? WHERE id = ?",
        [
            Bind::Text(session.status.as_str()),
            Bind::Text(session.desired_status.as_str()),
            Bind::MaybeText(session.status_reason.as_ref().map(Reason::as_str)),
            Bind::Integer(session.last_seq.to_i64()),
            Bind::Integer(session.last_command_seq.to_i64()),
            Bind::Integer(i64::try_from(session.revision).unwrap_or(i64::MAX)),
            Bind::MaybeInteger(session.started_at.map(|at| at.as_micros())),
            Bind::MaybeInteger(session.completed_at.map(|at| at.as_micros())),
            Bind::MaybeInteger(session.last_seen_at.map(|at| at.as_micros())),
            Bind::MaybeText(session.lost_from.map(SessionStatus::as_str)),
            Bind::MaybeText(session.provider_session_id.as_ref().map(ProviderSessionId::as_str)),
            Bind::Id(session.id.key()),
        ],
    );
    connection.run(save).await?;
    Ok(())
}

/// Writes where a conversation ends and when its session was seen.
pub async fn touch<C: Connection>(connection: &mut C, id: SessionId, last_seq: Seq, seen: Timestamp) -> Done<()> {
    let touch = Prepared::new(
        "UPDATE sessions SET last_seq = ?, last_seen_at = ? WHERE id = ?",
        [Bind::Integer(last_seq.to_i64()), Bind::Integer(seen.as_micros()), Bind::Id(id.key())],
    );
    connection.run(touch).await?;
    Ok(())
}

/// Whether the kill switch is engaged.
pub async fn kill_switch<C: Connection>(connection: &mut C) -> Done<bool> {
    let state = Prepared::new("SELECT kill_switch_engaged FROM fleet_state", []);
    Ok(connection.only::<KillSwitchRow>(state).await?.engaged())
}

impl<D: Dialect> SessionRows for SqlTx<D> {
    async fn lock_tree(&mut self, how: TreeLock) -> Rows<()> {
        Ok(Dialect::lock_tree(&mut self.0, how).await?)
    }

    async fn lock_everything_open(&mut self) -> Rows<()> {
        Ok(Dialect::lock_everything_open(&mut self.0).await?)
    }

    async fn lock_operations_of(&mut self, sessions: &[SessionId]) -> Rows<()> {
        Ok(Dialect::lock_operations_of(&mut self.0, sessions).await?)
    }

    async fn session(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(Dialect::session(&mut self.0, id).await?)
    }

    async fn head(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(Dialect::head(&mut self.0, id).await?)
    }

    async fn lock_session(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(Dialect::lock_session(&mut self.0, id).await?)
    }

    async fn lock_head(&mut self, id: SessionId) -> Rows<Option<Session>> {
        Ok(Dialect::lock_head(&mut self.0, id).await?)
    }

    async fn lock_heads(&mut self, ids: &[SessionId]) -> Rows<Vec<Session>> {
        Ok(Dialect::lock_heads(&mut self.0, ids).await?)
    }

    async fn insert_session(&mut self, session: &Session) -> Rows<bool> {
        Ok(Dialect::insert_session(&mut self.0, session).await?)
    }

    async fn save_session(&mut self, session: &Session) -> Rows<()> {
        Ok(Dialect::save_session(&mut self.0, session).await?)
    }

    /// The time never goes back.
    async fn touch_session(&mut self, session: &Session, last_seq: Seq, at: Timestamp) -> Rows<()> {
        let seen = session.last_seen_at.map_or(at, |before| before.max(at));
        Ok(Dialect::touch_session(&mut self.0, session.id, last_seq, seen).await?)
    }

    /// SQLite walks over what has not ended by its index, which tells the lost ones without a look at the table.
    async fn silent_sessions(&mut self, silence: &Silence, limit: usize) -> Rows<Vec<SessionId>> {
        let (by, lost) = (Self::WORDS.by("sessions_open"), SessionStatus::Lost);
        let mut silent = Statement::begin(format!(
            "SELECT id FROM sessions {by} WHERE {OPEN} AND status <> '{lost}' AND coalesce(last_seen_at, spawned_at) < ?"
        ))
        .bind(Bind::Integer(silence.not_seen_since.as_micros()));
        for provider in &silence.without_lease {
            silent = silent.sql(" AND provider <> ?").bind(Bind::Text(provider.as_str()));
        }
        let silent = silent.sql(" LIMIT ?").bind(Bind::Integer(integer(limit)));
        Ok(self.connection().values::<SessionIdRow, _>(silent).await?)
    }

    async fn line(&mut self, from: SessionId) -> Rows<Vec<Ancestor>> {
        Ok(Dialect::line(&mut self.0, from).await?)
    }

    async fn is_within(&mut self, id: SessionId, top: SessionId) -> Rows<bool> {
        Ok(session_tree::is_within(self.connection(), id, top).await?)
    }

    async fn open_within(&mut self, scope: &Scope) -> Rows<Vec<(SessionId, u64)>> {
        Ok(session_tree::open_within(self.connection(), scope).await?)
    }

    async fn count_open(&mut self) -> Rows<u64> {
        let by = Self::WORDS.by("sessions_open");
        let count = Prepared::new(format!("SELECT COUNT(*) AS n FROM sessions {by} WHERE {OPEN}"), []);
        Ok(self.connection().count(count).await?)
    }

    async fn session_page(&mut self, query: &SessionQuery) -> Rows<(Vec<Session>, Option<SessionCursor>)> {
        Ok(session_list::page(self.connection(), query).await?)
    }

    async fn count_sessions(&mut self, filter: &SessionFilter) -> Rows<u64> {
        Ok(session_list::count(self.connection(), filter).await?)
    }

    async fn kill_switch(&mut self) -> Rows<bool> {
        Ok(Dialect::kill_switch(&mut self.0).await?)
    }

    async fn set_kill_switch(&mut self, engaged: bool) -> Rows<()> {
        let state = fleet_state::kill_switch_engaged.eq(Flag(engaged));
        self.execute(diesel::update(fleet_state::table).set(state)).await
    }

    /// Every session that has not ended becomes a target, gets a `kill` command at its next place, and is to die. The
    /// places are taken last.
    async fn kill_open(&mut self, operation: Option<&Operation>, reason: Option<&Reason>, at: Timestamp) -> Rows<()> {
        let by = Self::WORDS.by("sessions_open");
        if let Some(Operation { id, wish, requested_at, .. }) = operation {
            let targets = Statement::begin(format!(
                "WITH RECURSIVE chosen (id) AS (SELECT id FROM sessions {by} WHERE {OPEN}), {DEPTHS} \
                 INSERT INTO operation_targets (operation_id, depth, session_id, wish, command_seq, requested_at) \
                 SELECT ?, depths.depth, sessions.id, '{wish}', sessions.last_command_seq + 1, ? \
                 FROM depths JOIN sessions ON sessions.id = depths.id"
            ));
            let targets = targets.bind(Bind::Id(id.key())).bind(Bind::Integer(requested_at.as_micros()));
            self.execute(targets).await?;
        }
        let (kill, accepted) = (CommandKind::Kill.as_str(), Receipt::Accepted.as_str());
        let commands = Statement::begin(format!(
            "INSERT INTO commands (session_id, seq, kind, reason, receipt, created_at, updated_at) \
             SELECT id, last_command_seq + 1, '{kill}', ?, '{accepted}', ?, ? FROM sessions {by} WHERE {OPEN}"
        ));
        let at = Bind::Integer(at.as_micros());
        self.execute(commands.bind(Bind::MaybeText(reason.map(Reason::as_str))).bind(at).bind(at)).await?;
        let killed = DesiredStatus::Killed.as_str();
        self.execute(Statement::begin(format!(
            "UPDATE sessions {by} SET desired_status = '{killed}', last_command_seq = last_command_seq + 1, \
             revision = revision + CASE WHEN desired_status = '{killed}' THEN 0 ELSE 1 END WHERE {OPEN}"
        )))
        .await
    }
}
