//! Ways up and down the tree.

use diesel::prelude::*;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::Scope;
use flightdeck_domain::session::{Ancestor, Session};
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::operation::{MemberRow, member};
use flightdeck_store_sql::rows::session::AncestorRow;
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::sessions::OPEN;
use flightdeck_store_sql::values::{Key, integer};

use crate::error::StoreError;

/// A session, its parent, and so on to the top; empty when there is no such session.
pub(crate) fn upwards(connection: &mut SqliteConnection, from: SessionId) -> Result<Vec<Ancestor>, StoreError> {
    let rows: Vec<AncestorRow> = tables::sessions::upwards(from).load(connection)?;
    Ok(rows.into_iter().map(Ancestor::try_from).collect::<Result<_, _>>()?)
}

/// Whether `top` is on the way from `id` to the top.
pub(crate) fn is_within(connection: &mut SqliteConnection, id: SessionId, top: SessionId) -> Result<bool, StoreError> {
    let found: Number = Prepared::new(
        "WITH RECURSIVE above (level, id, parent_id) AS ( \
             SELECT 1, id, parent_id FROM sessions WHERE id = ? \
             UNION ALL \
             SELECT level + 1, next.id, next.parent_id \
             FROM above JOIN sessions AS next ON next.id = above.parent_id WHERE level < ? \
         ) SELECT EXISTS (SELECT 1 FROM above WHERE id = ?) AS n",
        [Bind::Id(id.key()), Bind::Integer(integer(Session::MAX_DEPTH)), Bind::Id(top.key())],
    )
    .get_result(connection)?;
    Ok(found.count() == 1)
}

/// How deep each of the sessions `chosen` stands: a part of a statement that gives `id` and `depth`.
pub(crate) const DEPTHS: &str = "up (id, above, depth) AS ( \
         SELECT sessions.id, sessions.parent_id, 0 FROM chosen JOIN sessions ON sessions.id = chosen.id \
         UNION ALL \
         SELECT up.id, next.parent_id, up.depth + 1 FROM up JOIN sessions AS next ON next.id = up.above \
         WHERE up.depth < 64 \
     ), depths (id, depth) AS (SELECT id, MAX(depth) FROM up GROUP BY id)";

/// The sessions of a scope that have not ended, each with the number of those above it.
pub(crate) fn open_within(
    connection: &mut SqliteConnection,
    scope: &Scope,
) -> Result<Vec<(SessionId, u64)>, StoreError> {
    let chosen = match scope {
        Scope::Session(_) => format!("SELECT id FROM sessions WHERE id = ? AND {OPEN}"),
        Scope::Subtree(_) => {
            format!("SELECT sessions.id FROM sessions JOIN below ON sessions.id = below.id WHERE {OPEN}")
        }
        Scope::Mission(_) => format!("SELECT id FROM sessions WHERE mission_id = ? AND {OPEN}"),
        Scope::Fleet => format!("SELECT id FROM sessions INDEXED BY sessions_open WHERE {OPEN}"),
    };
    let below = match scope {
        Scope::Subtree(_) => {
            "below (id) AS (SELECT ? UNION \
                SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id), "
        }
        Scope::Session(_) | Scope::Mission(_) | Scope::Fleet => "",
    };
    let statement = Statement::begin(format!(
        "WITH RECURSIVE {below}chosen (id) AS ({chosen}), {DEPTHS} SELECT id, depth FROM depths"
    ));
    let rows: Vec<MemberRow> = match scope {
        Scope::Session(id) | Scope::Subtree(id) => statement.bind(Bind::Id(id.key())).load(connection)?,
        Scope::Mission(mission) => statement.bind(Bind::Text(mission.as_str())).load(connection)?,
        Scope::Fleet => statement.load(connection)?,
    };
    Ok(rows.iter().map(member).collect::<Result<_, _>>()?)
}
