//! Logins.

use diesel::prelude::*;
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::login::{LoginRow, NewLoginRow};
use flightdeck_store_sql::schema::logins;

use crate::error::StoreError;

pub(crate) fn insert(connection: &mut SqliteConnection, login: &Login) -> Result<(), StoreError> {
    diesel::insert_into(logins::table).values(&NewLoginRow::from(login)).execute(connection)?;
    Ok(())
}

pub(crate) fn get(connection: &mut SqliteConnection, id: &LoginId) -> Result<Option<Login>, StoreError> {
    let row = logins::table.find(id.as_str()).select(LoginRow::as_select()).get_result(connection).optional()?;
    Ok(row.map(Login::try_from).transpose()?)
}

/// Writes what can change of a login: its end.
pub(crate) fn save(connection: &mut SqliteConnection, login: &Login) -> Result<(), StoreError> {
    diesel::update(logins::table.find(login.id.as_str()))
        .set(logins::ended_at.eq(login.ended_at.map(|at| at.as_micros())))
        .execute(connection)?;
    Ok(())
}

/// Forgets those that expired before a moment.
pub(crate) fn forget(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    diesel::delete(logins::table.filter(logins::expires_at.lt(before.as_micros()))).execute(connection)?;
    Ok(())
}
