//! Which history of the deployment this is, and the marks that servers leave.
//!
//! Each write is one statement: it waits for others at the same row, and needs no other lock.

use flightdeck_domain::epoch::{Epoch, StoreMark};

use crate::connection::Connection;
use crate::error::SqlError;
use crate::rows::epoch::EpochRow;
use crate::statement::{Bind, Ids, Prepared};
use crate::values::Key;
use crate::words::Words;

/// The epoch; none before the first server.
///
/// # Errors
/// Those of the database, and that it makes no sense.
pub async fn get<C: Connection>(connection: &mut C) -> Result<Option<Epoch>, SqlError> {
    connection.value::<EpochRow, _>(Prepared::new("SELECT value FROM epoch", [])).await
}

/// Puts the next one in the place of the known one, or where there is none; gives the one that counts.
///
/// # Errors
/// Those of the database, and that it makes no sense.
pub async fn renew<C: Connection>(connection: &mut C, known: Option<Epoch>, next: Epoch) -> Result<Epoch, SqlError> {
    let only = match C::WORDS {
        Words::Sqlite => "only",
        Words::Postgres => "single",
    };
    // Without a known one, whatever is there stays.
    let known = known.map_or(-1, |known| i64::from(known.get()));
    let sql = format!(
        "INSERT INTO epoch AS there ({only}, value) VALUES (1, ?) \
         ON CONFLICT ({only}) DO UPDATE SET value = EXCLUDED.value WHERE there.value = ?"
    );
    connection.run(Prepared::new(sql, [Bind::Integer(i64::from(next.get())), Bind::Integer(known)])).await?;
    Ok(get(connection).await?.unwrap_or(next))
}

/// Puts the next mark in the place of a known one; with none known, whatever there is. Whether it was put there.
///
/// # Errors
/// Those of the database.
pub async fn exchange_mark<C: Connection>(
    connection: &mut C,
    replica: &str,
    known: &[StoreMark],
    next: StoreMark,
) -> Result<bool, SqlError> {
    let next = Bind::Id(next.key());
    let rows = if known.is_empty() {
        let sql = "INSERT INTO replica_marks (replica, mark) VALUES (?, ?) \
                   ON CONFLICT (replica) DO UPDATE SET mark = EXCLUDED.mark";
        connection.run(Prepared::new(sql, [Bind::Text(replica), next])).await?
    } else {
        let known = Ids::of(known);
        let sql = format!("UPDATE replica_marks SET mark = ? WHERE replica = ? AND mark {}", C::WORDS.in_list());
        connection.run(Prepared::new(sql, [next, Bind::Text(replica), Bind::Ids(&known)])).await?
    };
    Ok(rows > 0)
}
