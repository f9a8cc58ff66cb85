//! Control calls that were sent with a key.

use diesel::prelude::*;
use flightdeck_domain::action::{Attribution, Call, Fingerprint, Remembered};

use crate::error::StoreError;
use crate::rows::idempotency::{NewRememberedRow, RememberedRow};
use crate::schema::idempotency_keys;

/// Holds a call against what is kept of its key.
pub(crate) fn call(
    connection: &mut SqliteConnection,
    by: &Attribution,
    fingerprint: Fingerprint,
) -> Result<Call, StoreError> {
    let Some(key) = &by.idempotency_key else { return Ok(Call::New) };
    let row = idempotency_keys::table
        .find((by.actor.as_str(), key.as_str()))
        .select(RememberedRow::as_select())
        .get_result(connection)
        .optional()?;
    let kept = row.map(Remembered::try_from).transpose()?;
    Ok(by.call(fingerprint, kept))
}

/// Keeps what an accepted call came to, if it has a key; forgets what is too old.
pub(crate) fn keep(
    connection: &mut SqliteConnection,
    by: &Attribution,
    remembered: impl FnOnce() -> Remembered,
) -> Result<(), StoreError> {
    let Some(key) = &by.idempotency_key else { return Ok(()) };
    let too_old = idempotency_keys::at.lt(by.remembered_since().as_micros());
    diesel::delete(idempotency_keys::table.filter(too_old)).execute(connection)?;
    diesel::insert_into(idempotency_keys::table)
        .values(&NewRememberedRow::new(&by.actor, key, &remembered()))
        .execute(connection)?;
    Ok(())
}
