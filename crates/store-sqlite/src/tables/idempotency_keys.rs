//! Control calls that were sent with a key.

use diesel::prelude::*;
use flightdeck_domain::action::Remembered;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::idempotency::{NewRememberedRow, RememberedRow};
use flightdeck_store_sql::schema::idempotency_keys;

use crate::error::StoreError;

/// What is kept of an actor's call with a key.
pub(crate) fn get(
    connection: &mut SqliteConnection,
    actor: &Actor,
    key: &IdempotencyKey,
) -> Result<Option<Remembered>, StoreError> {
    let row = idempotency_keys::table
        .find((actor.as_str(), key.as_str()))
        .select(RememberedRow::as_select())
        .get_result(connection)
        .optional()?;
    Ok(row.map(Remembered::try_from).transpose()?)
}

pub(crate) fn insert(
    connection: &mut SqliteConnection,
    actor: &Actor,
    key: &IdempotencyKey,
    call: &Remembered,
) -> Result<(), StoreError> {
    let row = NewRememberedRow::new(actor, key, call);
    diesel::insert_into(idempotency_keys::table).values(&row).execute(connection)?;
    Ok(())
}

/// Forgets the calls before a moment.
pub(crate) fn forget(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    let too_old = idempotency_keys::at.lt(before.as_micros());
    diesel::delete(idempotency_keys::table.filter(too_old)).execute(connection)?;
    Ok(())
}
