//! The rules of retention, and archived sessions.

use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, FeedPosition, Seq, SessionId};
use flightdeck_domain::ports::{RetentionRows, Rows};
use flightdeck_domain::retention::{ArchivedSession, EndedPlace, Retention};
use flightdeck_domain::session::Session;
use flightdeck_domain::time::Timestamp;

use super::session::with_past;
use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::command::CommandRow;
use crate::rows::retention::{ArchivedRow, BytesRow, RetentionRow};
use crate::statement::{Bind, Ids, Prepared, Statement};
use crate::values::{Key, counted, integer};

/// Of which rows are left. Word for word the condition of the index `archived_sessions_unfinished`.
const UNFINISHED: &str = "removed_messages < messages OR removed_commands < commands";

/// The rules, locked.
pub async fn lock_retention<C: Connection>(connection: &mut C) -> Done<Retention> {
    rules(connection, C::WORDS.lock()).await
}

async fn rules<C: Connection>(connection: &mut C, lock: &str) -> Done<Retention> {
    let sql = format!("SELECT {} FROM retention WHERE one = 1{lock}", RetentionRow::COLUMNS);
    Ok(connection.value::<RetentionRow, _>(Prepared::new(sql, [])).await?.unwrap_or_default())
}

impl<D: Dialect> RetentionRows for SqlTx<D> {
    async fn retention(&mut self) -> Rows<Retention> {
        Ok(rules(self.connection(), "").await?)
    }

    async fn lock_retention(&mut self) -> Rows<Retention> {
        Ok(Dialect::lock_retention(&mut self.0).await?)
    }

    async fn save_retention(&mut self, retention: &Retention) -> Rows<()> {
        let text = |value: Result<String, serde_json::Error>| value.unwrap_or_else(|_| "{}".to_owned());
        let rules = text(serde_json::to_string(&retention.rules));
        let lease = text(serde_json::to_string(&retention.lease));
        let changed = retention.changed.as_ref();
        let binds = [
            Bind::Text(&rules),
            Bind::Integer(counted(retention.revision)),
            Bind::MaybeText(changed.map(|changed| changed.by.as_str())),
            Bind::MaybeInteger(changed.map(|changed| changed.at.as_micros())),
            Bind::Text(&lease),
        ];
        let sql =
            "UPDATE retention SET rules = ?, revision = ?, changed_by = ?, changed_at = ?, lease = ? WHERE one = 1";
        self.execute(Prepared::new(sql, binds)).await
    }

    async fn ended_before(&mut self, before: Timestamp, after: Option<EndedPlace>, limit: usize) -> Rows<Vec<Session>> {
        let head = D::Connection::HEAD;
        let mut wanted = Statement::begin(format!(
            "SELECT {head} FROM sessions WHERE completed_at IS NOT NULL AND completed_at < ? AND NOT EXISTS \
             (SELECT 1 FROM archived_sessions WHERE session_id = sessions.id)"
        ))
        .bind(Bind::Integer(before.as_micros()));
        if let Some(EndedPlace { ended_at, id }) = after {
            wanted = wanted.sql(" AND (completed_at, id) > (?, ?)").bind(Bind::Integer(ended_at.as_micros()));
            wanted = wanted.bind(Bind::Id(id.key()));
        }
        let wanted = wanted.sql(" ORDER BY completed_at, id LIMIT ?").bind(Bind::Integer(integer(limit)));
        let connection = self.connection();
        let heads = connection.values::<<D::Connection as Connection>::Head, _>(wanted).await?;
        Ok(with_past(connection, heads).await?)
    }

    async fn conversation_bytes(&mut self, session: SessionId) -> Rows<u64> {
        let sql = "SELECT CAST(COALESCE(SUM(octet_length(content) + octet_length(metadata)), 0) AS BIGINT) AS bytes \
                   FROM messages WHERE session_id = ?";
        let sum = self.connection().only::<BytesRow>(Prepared::new(sql, [Bind::Id(session.key())])).await?;
        Ok(sum.bytes())
    }

    async fn commands_after(&mut self, session: SessionId, after: CommandSeq, limit: usize) -> Rows<Vec<Command>> {
        let sql = format!(
            "SELECT {} FROM commands WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT CAST(? AS BIGINT)",
            CommandRow::COLUMNS
        );
        let binds = [Bind::Id(session.key()), Bind::Integer(after.to_i64()), Bind::Integer(integer(limit))];
        Ok(self.connection().values::<CommandRow, _>(Prepared::new(sql, binds)).await?)
    }

    async fn save_archived(&mut self, archived: &ArchivedSession) -> Rows<()> {
        let ArchivedSession { session, archived_at, object, manifest, removed_messages, removed_commands } = archived;
        let binds = [
            Bind::Id(session.key()),
            Bind::Integer(archived_at.as_micros()),
            Bind::Text(object.name.as_str()),
            Bind::Text(object.digest.as_str()),
            Bind::Integer(counted(object.bytes)),
            Bind::Integer(object.messages.to_i64()),
            Bind::Integer(object.commands.to_i64()),
            Bind::Text(manifest.as_str()),
            Bind::Integer(removed_messages.to_i64()),
            Bind::Integer(removed_commands.to_i64()),
        ];
        let sql = format!(
            "INSERT INTO archived_sessions ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (session_id) DO UPDATE SET \
             removed_messages = excluded.removed_messages, removed_commands = excluded.removed_commands",
            ArchivedRow::COLUMNS
        );
        self.execute(Prepared::new(sql, binds)).await
    }

    async fn archived(&mut self, sessions: &[SessionId]) -> Rows<Vec<ArchivedSession>> {
        let (columns, ids) = (ArchivedRow::COLUMNS, Ids::of(sessions));
        let sql = format!("SELECT {columns} FROM archived_sessions WHERE session_id {}", Self::WORDS.in_list());
        Ok(self.connection().values::<ArchivedRow, _>(Prepared::new(sql, [Bind::Ids(&ids)])).await?)
    }

    async fn unfinished_removals(&mut self, limit: usize) -> Rows<Vec<ArchivedSession>> {
        let sql = format!(
            "SELECT {} FROM archived_sessions WHERE {UNFINISHED} ORDER BY session_id LIMIT CAST(? AS BIGINT)",
            ArchivedRow::COLUMNS
        );
        let wanted = Prepared::new(sql, [Bind::Integer(integer(limit))]);
        Ok(self.connection().values::<ArchivedRow, _>(wanted).await?)
    }

    async fn remove_archived(&mut self, session: SessionId) -> Rows<()> {
        let sql = "DELETE FROM archived_sessions WHERE session_id = ?";
        self.execute(Prepared::new(sql, [Bind::Id(session.key())])).await
    }

    async fn remove_messages(&mut self, session: SessionId, through: Seq) -> Rows<()> {
        let binds = [Bind::Id(session.key()), Bind::Integer(through.to_i64())];
        self.execute(Prepared::new("DELETE FROM messages WHERE session_id = ? AND seq <= ?", binds)).await
    }

    async fn remove_commands(&mut self, session: SessionId, through: CommandSeq) -> Rows<()> {
        let binds = [Bind::Id(session.key()), Bind::Integer(through.to_i64())];
        self.execute(Prepared::new("DELETE FROM commands WHERE session_id = ? AND seq <= ?", binds)).await
    }

    async fn remove_events(&mut self, through: FeedPosition) -> Rows<u64> {
        let remove = Prepared::new("DELETE FROM feed_events WHERE position <= ?", [Bind::Integer(through.to_i64())]);
        let number = self.connection().run(remove).await?;
        Ok(u64::try_from(number).unwrap_or(u64::MAX))
    }
}
