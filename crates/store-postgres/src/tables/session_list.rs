//! Many sessions: pages and counts.
//!
//! The filters combine freely, so the statement is put together for each call. PostgreSQL chooses the index by what it
//! knows of the tables; what it needs to be told is that a set of statuses means "not ended".

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionQuery};
use flightdeck_domain::session::Session;
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::rows::page::page_of;
use flightdeck_store_sql::rows::session::{SharedHeadRow, SharedSessionRow};
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables::{self, Words};
use flightdeck_store_sql::values::Key;

use super::sessions::HEAD;
use crate::error::StoreError;

/// One page, newest first, and where the next begins.
pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    query: &SessionQuery,
) -> Result<(Vec<Session>, Option<SessionCursor>), StoreError> {
    let what = if query.heads_only { HEAD.to_owned() } else { format!("{HEAD}, context, metadata") };
    let statement = tables::sessions::page(matching(connection, &what, &query.filter).await?, query);
    let cursor = |last: &Session| SessionCursor { spawned_at: last.spawned_at, id: last.id };
    if query.heads_only {
        let rows: Vec<SharedHeadRow> = statement.load(connection).await?;
        return Ok(page_of(rows, query.limit, cursor)?);
    }
    let rows: Vec<SharedSessionRow> = statement.load(connection).await?;
    Ok(page_of(rows, query.limit, cursor)?)
}

/// How many there are.
pub(crate) async fn count(connection: &mut AsyncPgConnection, filter: &SessionFilter) -> Result<u64, StoreError> {
    let statement = matching(connection, "COUNT(*) AS n", filter).await?;
    Ok(statement.get_result::<Number>(connection).await?.count())
}

async fn matching<'a>(
    connection: &mut AsyncPgConnection,
    what: &str,
    filter: &'a SessionFilter,
) -> Result<Statement<'a>, StoreError> {
    let whole_tree = match filter.subtree {
        Some(top) => is_root(connection, top).await?,
        None => false,
    };
    let statement = Statement::begin(format!("SELECT {what} FROM sessions WHERE TRUE"));
    Ok(tables::sessions::matching(statement, filter, whole_tree, Words::POSTGRES))
}

/// Whether a session stands at the top of its tree: then all below it share its id as their root, in the order of a page.
async fn is_root(connection: &mut AsyncPgConnection, id: SessionId) -> Result<bool, StoreError> {
    let found: Number =
        Prepared::new("SELECT COUNT(*) AS n FROM sessions WHERE id = ? AND parent_id IS NULL", [Bind::Id(id.key())])
            .get_result(connection)
            .await?;
    Ok(found.count() == 1)
}
