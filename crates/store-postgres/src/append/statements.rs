//! What a group of appends reads and writes, each by one statement however many sessions it has.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::command::PENDING;
use flightdeck_store_sql::rows::read_id;
use flightdeck_store_sql::statement::Prepared;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key};

use crate::error::StoreError;
use crate::messages::{INSERT, columns};
use crate::statement::Column;

/// A session that gave a sign of life, and how long its conversation is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    pub(super) session: SessionId,
    pub(super) last_seq: Seq,
    pub(super) seen: Timestamp,
}

/// Inserts all of them, and notes in their sessions what was [`Touch`]ed: one round trip for both.
///
/// # Errors
/// [`StoreError::Repeated`] when a message is there already. (`ON CONFLICT DO NOTHING` would say it without an error, and
/// looks twice into both indexes for every row.)
pub(super) async fn insert_new(
    connection: &mut AsyncPgConnection,
    new: &[Message],
    touched: &[Touch],
) -> Result<(), StoreError> {
    let id = Column::Ids(touched.iter().map(|it| it.session.key()).collect());
    let last_seq = Column::Integers(touched.iter().map(|it| it.last_seq.to_i64()).collect());
    let seen = Column::Integers(touched.iter().map(|it| it.seen.as_micros()).collect());
    let [session, seq, message, role, provider, created_at, metadata, content] = columns(new);
    let inserted = Prepared::with(
        format!(
            "WITH touched AS ( \
                 UPDATE sessions SET last_seq = touched.last_seq, last_seen_at = touched.seen \
                 FROM unnest(?::uuid[], ?::bigint[], ?::bigint[]) AS touched (id, last_seq, seen) WHERE sessions.id = touched.id \
             ) {INSERT}"
        ),
        [id, last_seq, seen, session, seq, message, role, provider, created_at, metadata, content],
    )
    .execute(connection)
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Err(StoreError::Repeated),
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, QueryableByName)]
struct Pending {
    #[diesel(sql_type = types::Id)]
    session_id: Id,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many commands are pending of each of these sessions; those without any are left out.
pub(super) async fn count_pending(
    connection: &mut AsyncPgConnection,
    sessions: &[SessionId],
) -> Result<HashMap<SessionId, u64>, StoreError> {
    let sql = format!(
        "SELECT session_id, COUNT(*) AS n FROM commands WHERE session_id = ANY(?) AND {PENDING} GROUP BY session_id"
    );
    let ids = sessions.iter().map(Key::key).collect();
    let rows: Vec<Pending> = Prepared::with(sql, [Column::Ids(ids)]).load(connection).await?;
    let count = |row: &Pending| {
        Ok((read_id(row.session_id, "commands", "session_id")?, u64::try_from(row.n).unwrap_or_default()))
    };
    rows.iter().map(count).collect()
}
