//! Ways up the tree.

use diesel::prelude::*;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::{Ancestor, Session};

use super::Number;
use crate::error::StoreError;
use crate::rows::session::AncestorRow;
use crate::statement::{Bind, Prepared};
use crate::values::{Key, integer};

/// A session, its parent, and so on to the top; empty when there is no such session.
pub(crate) fn upwards(connection: &mut SqliteConnection, from: SessionId) -> Result<Vec<Ancestor>, StoreError> {
    // No tree is deeper than the limit; it keeps a damaged one, with a loop in it, from running on.
    let rows: Vec<AncestorRow> = Prepared::new(
        "WITH RECURSIVE above (level, id, parent_id, root_id, mission_id, status, desired_status) AS ( \
             SELECT 1, id, parent_id, root_id, mission_id, status, desired_status FROM sessions WHERE id = ? \
             UNION ALL \
             SELECT level + 1, next.id, next.parent_id, next.root_id, next.mission_id, next.status, next.desired_status \
             FROM above JOIN sessions AS next ON next.id = above.parent_id WHERE level < ? \
         ) SELECT id, root_id, mission_id, status, desired_status FROM above ORDER BY level",
        [Bind::Blob(from.key()), Bind::Integer(integer(Session::MAX_DEPTH))],
    )
    .load(connection)?;
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
        [Bind::Blob(id.key()), Bind::Integer(integer(Session::MAX_DEPTH)), Bind::Blob(top.key())],
    )
    .get_result(connection)?;
    Ok(found.n == 1)
}
