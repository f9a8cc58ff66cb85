//! The marks that servers leave.

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::epoch::{ReplicaMark, StoreMark};

use crate::error::StoreError;
use crate::rows::epoch::NewMarkRow;
use crate::schema::replica_marks;
use crate::statement::{Bind, Statement};

/// Puts the next one in the place of a known one; with none known, whatever there is.
pub(crate) async fn exchange(
    connection: &mut AsyncPgConnection,
    replica: &str,
    known: &[StoreMark],
    next: StoreMark,
) -> Result<bool, StoreError> {
    let next = Bind::Uuid(next.as_uuid());
    let rows = if known.is_empty() {
        let sql = "INSERT INTO replica_marks (replica, mark) VALUES (?, ?) \
                   ON CONFLICT (replica) DO UPDATE SET mark = EXCLUDED.mark";
        Statement::new(sql, [Bind::Text(replica), next]).execute(connection).await?
    } else {
        let known = known.iter().map(|mark| *mark.as_uuid()).collect();
        let sql = "UPDATE replica_marks SET mark = ? WHERE replica = ? AND mark = ANY(?)";
        Statement::new(sql, [next, Bind::Text(replica), Bind::Uuids(known)]).execute(connection).await?
    };
    Ok(rows > 0)
}

/// Writes some as they are.
pub(crate) async fn insert(connection: &mut AsyncPgConnection, new: &[ReplicaMark]) -> Result<(), StoreError> {
    let rows: Vec<_> = new.iter().map(NewMarkRow::from).collect();
    diesel::insert_into(replica_marks::table).values(&rows).execute(connection).await?;
    Ok(())
}
