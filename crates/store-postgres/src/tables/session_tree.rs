//! Ways up and down the tree.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::Scope;
use flightdeck_domain::session::{Ancestor, Session};
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::operation::{MemberRow, member};
use flightdeck_store_sql::rows::read_id;
use flightdeck_store_sql::rows::session::AncestorRow;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key, integer};

use crate::error::StoreError;
use crate::statement::Column;

/// A session, its parent, and so on to the top; empty when there is no such session.
pub(crate) async fn upwards(connection: &mut AsyncPgConnection, from: SessionId) -> Result<Vec<Ancestor>, StoreError> {
    let rows: Vec<AncestorRow> = tables::sessions::upwards(from).load(connection).await?;
    Ok(rows.into_iter().map(Ancestor::try_from).collect::<Result<_, _>>()?)
}

/// Whether `top` is on the way from `id` to the top.
pub(crate) async fn is_within(
    connection: &mut AsyncPgConnection,
    id: SessionId,
    top: SessionId,
) -> Result<bool, StoreError> {
    let found: Number = Prepared::new(
        "WITH RECURSIVE above (level, id, parent_id) AS ( \
             SELECT 1, id, parent_id FROM sessions WHERE id = ? \
             UNION ALL \
             SELECT level + 1, next.id, next.parent_id \
             FROM above JOIN sessions AS next ON next.id = above.parent_id WHERE level < ? \
         ) SELECT COUNT(*) AS n FROM above WHERE id = ?",
        [Bind::Id(id.key()), Bind::Integer(integer(Session::MAX_DEPTH)), Bind::Id(top.key())],
    )
    .get_result(connection)
    .await?;
    Ok(found.count() > 0)
}

/// A session and one that is above it.
#[derive(Debug, QueryableByName)]
struct AboveRow {
    #[diesel(sql_type = types::Id)]
    id: Id,
    #[diesel(sql_type = types::Id)]
    above: Id,
}

/// For each of these sessions, those above it.
pub(crate) async fn above(
    connection: &mut AsyncPgConnection,
    ids: &[SessionId],
) -> Result<HashMap<SessionId, Vec<SessionId>>, StoreError> {
    let rows: Vec<AboveRow> = Prepared::with(
        "WITH RECURSIVE above (level, id, parent_id) AS ( \
             SELECT 1, id, parent_id FROM sessions WHERE id = ANY(?) AND parent_id IS NOT NULL \
             UNION ALL \
             SELECT level + 1, above.id, next.parent_id \
             FROM above JOIN sessions AS next ON next.id = above.parent_id \
             WHERE level < ? AND next.parent_id IS NOT NULL \
         ) SELECT id, parent_id AS above FROM above",
        [Column::Ids(ids.iter().map(Key::key).collect()), Column::One(Bind::Integer(integer(Session::MAX_DEPTH)))],
    )
    .load(connection)
    .await?;
    let mut lines: HashMap<SessionId, Vec<SessionId>> = HashMap::new();
    for row in rows {
        let above = read_id(row.above, "sessions", "parent_id")?;
        lines.entry(read_id(row.id, "sessions", "id")?).or_default().push(above);
    }
    Ok(lines)
}

/// How deep each of the sessions `chosen` stands: a part of a statement that gives `id` and `depth`.
pub(crate) const DEPTHS: &str = "up (id, above, depth) AS ( \
         SELECT sessions.id, sessions.parent_id, 0::bigint FROM chosen JOIN sessions ON sessions.id = chosen.id \
         UNION ALL \
         SELECT up.id, next.parent_id, up.depth + 1 FROM up JOIN sessions AS next ON next.id = up.above \
         WHERE up.depth < 64 \
     ), depths (id, depth) AS (SELECT id, MAX(depth) FROM up GROUP BY id)";

/// The sessions of a scope that have not ended, each with the number of those above it.
pub(crate) async fn open_within(
    connection: &mut AsyncPgConnection,
    scope: &Scope,
) -> Result<Vec<(SessionId, u64)>, StoreError> {
    let chosen = match scope {
        Scope::Session(_) => format!("SELECT id FROM sessions WHERE id = ? AND {OPEN}"),
        Scope::Subtree(_) => {
            format!("SELECT sessions.id FROM sessions JOIN below ON sessions.id = below.id WHERE {OPEN}")
        }
        Scope::Mission(_) => format!("SELECT id FROM sessions WHERE mission_id = ? AND {OPEN}"),
        Scope::Fleet => format!("SELECT id FROM sessions WHERE {OPEN}"),
    };
    let below = match scope {
        Scope::Subtree(_) => {
            "below (id) AS (SELECT ?::uuid UNION \
                SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id), "
        }
        Scope::Session(_) | Scope::Mission(_) | Scope::Fleet => "",
    };
    let statement = Statement::begin(format!(
        "WITH RECURSIVE {below}chosen (id) AS ({chosen}), {DEPTHS} SELECT id, depth FROM depths"
    ));
    let rows: Vec<MemberRow> = match scope {
        Scope::Session(id) | Scope::Subtree(id) => statement.bind(Bind::Id(id.key())).load(connection).await?,
        Scope::Mission(mission) => statement.bind(Bind::Text(mission.as_str())).load(connection).await?,
        Scope::Fleet => statement.load(connection).await?,
    };
    Ok(rows.iter().map(member).collect::<Result<_, _>>()?)
}
