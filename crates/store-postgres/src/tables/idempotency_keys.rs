//! Control calls that were sent with a key.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::action::{Attribution, Call, Fingerprint, Remembered};

use crate::error::StoreError;
use crate::locks;
use crate::rows::idempotency::{NewRememberedRow, RememberedRow};
use crate::schema::idempotency_keys;
use crate::statement::{Bind, Statement};

/// Holds a call against what is kept of its key, which is locked for it.
pub(crate) async fn call(
    connection: &mut AsyncPgConnection,
    by: &Attribution,
    fingerprint: Fingerprint,
) -> Result<Call, StoreError> {
    let Some(key) = &by.idempotency_key else { return Ok(Call::New) };
    locks::idempotency_key(connection, by.actor.as_str(), key.as_str()).await?;
    let row = idempotency_keys::table
        .find((by.actor.as_str(), key.as_str()))
        .select(RememberedRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    let kept = row.map(Remembered::try_from).transpose()?;
    Ok(by.call(fingerprint, kept))
}

/// Keeps what an accepted call came to, if it has a key; forgets what is too old.
pub(crate) async fn keep(
    connection: &mut AsyncPgConnection,
    by: &Attribution,
    remembered: Remembered,
) -> Result<(), StoreError> {
    let Some(key) = &by.idempotency_key else { return Ok(()) };
    // Whatever another call is forgetting at this moment is left to it; the row of this very key is not.
    Statement::new(
        "DELETE FROM idempotency_keys WHERE ctid IN \
         (SELECT ctid FROM idempotency_keys WHERE at < ? FOR UPDATE SKIP LOCKED)",
        [Bind::Integer(by.remembered_since().as_micros())],
    )
    .execute(connection)
    .await?;
    diesel::insert_into(idempotency_keys::table)
        .values(&NewRememberedRow::new(&by.actor, key, &remembered))
        .execute(connection)
        .await?;
    Ok(())
}
