//! Ways up and down the tree.

use std::collections::HashMap;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::Scope;
use flightdeck_domain::session::{Ancestor, Session};

use super::Done;
use crate::connection::Connection;
use crate::rows::operation::{MemberRow, member};
use crate::rows::read_id;
use crate::rows::session::{AboveRow, AncestorRow, OPEN};
use crate::statement::{Bind, Ids, Prepared, Statement};
use crate::values::{Key, integer};

/// No tree is deeper than the limit; it keeps a damaged one, with a loop in it, from running on.
const DEEPEST: fn() -> Bind<'static> = || Bind::Integer(integer(Session::MAX_DEPTH));

/// A session, its parent, and so on to the top; empty when there is no such session.
///
/// # Errors
/// Those of the database, and of a row that makes no sense.
pub async fn upwards<C: Connection>(connection: &mut C, from: SessionId) -> Done<Vec<Ancestor>> {
    let line = Prepared::new(
        "WITH RECURSIVE above (level, id, parent_id, root_id, mission_id, status, desired_status) AS ( \
             SELECT 1, id, parent_id, root_id, mission_id, status, desired_status FROM sessions WHERE id = ? \
             UNION ALL \
             SELECT level + 1, next.id, next.parent_id, next.root_id, next.mission_id, next.status, next.desired_status \
             FROM above JOIN sessions AS next ON next.id = above.parent_id WHERE level < ? \
         ) SELECT id, root_id, mission_id, status, desired_status FROM above ORDER BY level",
        [Bind::Id(from.key()), DEEPEST()],
    );
    connection.values::<AncestorRow, _>(line).await
}

/// Whether `top` is on the way from `id` to the top.
pub(super) async fn is_within<C: Connection>(connection: &mut C, id: SessionId, top: SessionId) -> Done<bool> {
    let found = Prepared::new(
        "WITH RECURSIVE above (level, id, parent_id) AS ( \
             SELECT 1, id, parent_id FROM sessions WHERE id = ? \
             UNION ALL \
             SELECT level + 1, next.id, next.parent_id \
             FROM above JOIN sessions AS next ON next.id = above.parent_id WHERE level < ? \
         ) SELECT COUNT(*) AS n FROM above WHERE id = ?",
        [Bind::Id(id.key()), DEEPEST(), Bind::Id(top.key())],
    );
    Ok(connection.count(found).await? > 0)
}

/// For each of these sessions that has any, those above it.
pub(super) async fn above<C: Connection>(
    connection: &mut C,
    ids: &[SessionId],
) -> Done<HashMap<SessionId, Vec<SessionId>>> {
    let ids = Ids::of(ids);
    let sql = format!(
        "WITH RECURSIVE above (level, id, parent_id) AS ( \
             SELECT 1, id, parent_id FROM sessions WHERE id {} AND parent_id IS NOT NULL \
             UNION ALL \
             SELECT level + 1, above.id, next.parent_id \
             FROM above JOIN sessions AS next ON next.id = above.parent_id \
             WHERE level < ? AND next.parent_id IS NOT NULL \
         ) SELECT id, parent_id AS above FROM above ORDER BY level",
        C::WORDS.in_list()
    );
    let rows: Vec<AboveRow> = connection.load(Prepared::new(sql, [Bind::Ids(&ids), DEEPEST()])).await?;
    let mut lines: HashMap<SessionId, Vec<SessionId>> = HashMap::new();
    for row in rows {
        let above = read_id(row.above, "sessions", "parent_id")?;
        lines.entry(read_id(row.id, "sessions", "id")?).or_default().push(above);
    }
    Ok(lines)
}

/// How deep each of the sessions `chosen` stands: a part of a statement that gives `id` and `depth`.
pub(super) const DEPTHS: &str = "up (id, above, depth) AS ( \
         SELECT sessions.id, sessions.parent_id, CAST(0 AS BIGINT) FROM chosen JOIN sessions ON sessions.id = chosen.id \
         UNION ALL \
         SELECT up.id, next.parent_id, up.depth + 1 FROM up JOIN sessions AS next ON next.id = up.above \
         WHERE up.depth < 64 \
     ), depths (id, depth) AS (SELECT id, MAX(depth) FROM up GROUP BY id)";

/// The sessions of a scope that have not ended, each with the number of those above it.
pub(super) async fn open_within<C: Connection>(connection: &mut C, scope: &Scope) -> Done<Vec<(SessionId, u64)>> {
    let chosen = match scope {
        Scope::Session(_) => format!("SELECT id FROM sessions WHERE id = ? AND {OPEN}"),
        Scope::Subtree(_) => {
            format!("SELECT sessions.id FROM sessions JOIN below ON sessions.id = below.id WHERE {OPEN}")
        }
        Scope::Mission(_) => format!("SELECT id FROM sessions WHERE mission_id = ? AND {OPEN}"),
        Scope::Fleet => format!("SELECT id FROM sessions {} WHERE {OPEN}", C::WORDS.by("sessions_open")),
    };
    let below = match scope {
        Scope::Subtree(_) => format!(
            "below (id) AS (SELECT {} UNION \
                SELECT child.id FROM below JOIN sessions AS child ON child.parent_id = below.id), ",
            C::WORDS.id()
        ),
        Scope::Session(_) | Scope::Mission(_) | Scope::Fleet => String::new(),
    };
    let members = Statement::begin(format!(
        "WITH RECURSIVE {below}chosen (id) AS ({chosen}), {DEPTHS} SELECT id, depth FROM depths"
    ));
    let members = match scope {
        Scope::Session(id) | Scope::Subtree(id) => members.bind(Bind::Id(id.key())),
        Scope::Mission(mission) => members.bind(Bind::Text(mission.as_str())),
        Scope::Fleet => members,
    };
    let rows: Vec<MemberRow> = connection.load(members).await?;
    Ok(rows.iter().map(member).collect::<Result<_, _>>()?)
}
