//! What a group of appends reads and writes, each by one statement however many sessions it has.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::RunQueryDsl;
use flightdeck_domain::message::Message;
use flightdeck_store_sql::statement::Prepared;

use crate::error::StoreError;
use crate::group::sets::{TOUCH, Touch, touches};
use crate::line::Line;
use crate::messages::{columns, insert_rows};

/// Inserts all of them, and notes in their sessions what was [`Touch`]ed: one round trip for both.
///
/// # Errors
/// [`StoreError::Repeated`] when a message is there already. (`ON CONFLICT DO NOTHING` would say it without an error, and
/// looks twice into both indexes for every row.)
pub(super) async fn insert_new(connection: &Line, new: &[Message], touched: &[Touch]) -> Result<(), StoreError> {
    let [id, last_seq, seen] = touches(touched);
    let [session, seq, message, role, provider, created_at, metadata, content] = columns(new);
    let inserted = Prepared::with(
        format!("WITH touched AS ({TOUCH}) {}", insert_rows()),
        [id, last_seq, seen, session, seq, message, role, provider, created_at, metadata, content],
    )
    .execute(&mut connection.pg())
    .await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) => Err(repeated(error)),
    }
}

/// What it means that messages were not inserted.
pub(super) fn repeated(error: DieselError) -> StoreError {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => StoreError::Repeated,
        error => error.into(),
    }
}
