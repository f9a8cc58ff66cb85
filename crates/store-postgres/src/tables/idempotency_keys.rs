//! Control calls that were sent with a key.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::action::Remembered;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;

use crate::error::StoreError;
use flightdeck_store_sql::rows::idempotency::{NewRememberedRow, RememberedRow};
use flightdeck_store_sql::schema::idempotency_keys;
use flightdeck_store_sql::statement::{Bind, Prepared};

/// What is kept of an actor's call with a key.
pub(crate) async fn get(
    connection: &mut AsyncPgConnection,
    actor: &Actor,
    key: &IdempotencyKey,
) -> Result<Option<Remembered>, StoreError> {
    let row = idempotency_keys::table
        .find((actor.as_str(), key.as_str()))
        .select(RememberedRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Remembered::try_from).transpose()?)
}

pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    actor: &Actor,
    key: &IdempotencyKey,
    call: &Remembered,
) -> Result<(), StoreError> {
    let row = NewRememberedRow::new(actor, key, call);
    diesel::insert_into(idempotency_keys::table).values(&row).execute(connection).await?;
    Ok(())
}

/// Forgets the calls before a moment. Whatever another call is forgetting at this moment is left to it; the row of this very
/// key is not.
pub(crate) async fn forget(connection: &mut AsyncPgConnection, before: Timestamp) -> Result<(), StoreError> {
    Prepared::new(
        "DELETE FROM idempotency_keys WHERE ctid IN \
         (SELECT ctid FROM idempotency_keys WHERE at < ? FOR UPDATE SKIP LOCKED)",
        [Bind::Integer(before.as_micros())],
    )
    .execute(connection)
    .await?;
    Ok(())
}
