//! The marks that servers leave.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::epoch::{ReplicaMark, StoreMark};
use flightdeck_store_sql::rows::epoch::NewMarkRow;
use flightdeck_store_sql::schema::replica_marks;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::values::Key;

use crate::error::StoreError;
use crate::statement::Column;

/// Puts the next one in the place of a known one; with none known, whatever there is.
pub(crate) async fn exchange(
    connection: &mut AsyncPgConnection,
    replica: &str,
    known: &[StoreMark],
    next: StoreMark,
) -> Result<bool, StoreError> {
    let next = Bind::Id(next.key());
    let rows = if known.is_empty() {
        let sql = "INSERT INTO replica_marks (replica, mark) VALUES (?, ?) \
                   ON CONFLICT (replica) DO UPDATE SET mark = EXCLUDED.mark";
        Prepared::new(sql, [Bind::Text(replica), next]).execute(connection).await?
    } else {
        let known = known.iter().map(Key::key).collect();
        let sql = "UPDATE replica_marks SET mark = ? WHERE replica = ? AND mark = ANY(?)";
        Prepared::with(sql, [Column::One(next), Column::One(Bind::Text(replica)), Column::Ids(known)])
            .execute(connection)
            .await?
    };
    Ok(rows > 0)
}

/// Writes some as they are.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, new: &[ReplicaMark]) -> Result<(), StoreError> {
    let rows: Vec<_> = new.iter().map(NewMarkRow::from).collect();
    diesel::insert_into(replica_marks::table).values(&rows).execute(connection).await?;
    Ok(())
}
