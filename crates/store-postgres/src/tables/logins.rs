//! Logins.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::rows::login::{LoginRow, NewLoginRow};
use flightdeck_store_sql::schema::logins;
use flightdeck_store_sql::statement::{Bind, Prepared};

use crate::error::StoreError;

pub(crate) async fn insert(connection: &mut AsyncPgConnection, login: &Login) -> Result<(), StoreError> {
    diesel::insert_into(logins::table).values(&NewLoginRow::from(login)).execute(connection).await?;
    Ok(())
}

pub(crate) async fn get(connection: &mut AsyncPgConnection, id: &LoginId) -> Result<Option<Login>, StoreError> {
    let row = logins::table.find(id.as_str()).select(LoginRow::as_select()).get_result(connection).await.optional()?;
    Ok(row.map(Login::try_from).transpose()?)
}

/// One login, which nobody else changes until the end of the transaction.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, id: &LoginId) -> Result<Option<Login>, StoreError> {
    let login = logins::table.find(id.as_str()).select(LoginRow::as_select()).for_no_key_update();
    Ok(login.get_result(connection).await.optional()?.map(Login::try_from).transpose()?)
}

/// Writes what can change of a login: its end.
pub(crate) async fn save(connection: &mut AsyncPgConnection, login: &Login) -> Result<(), StoreError> {
    diesel::update(logins::table.find(login.id.as_str()))
        .set(logins::ended_at.eq(login.ended_at.map(|at| at.as_micros())))
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets those that expired before a moment. Whatever another transaction has its hands on is left to it.
pub(crate) async fn forget(connection: &mut AsyncPgConnection, before: Timestamp) -> Result<(), StoreError> {
    Prepared::new(
        "DELETE FROM logins WHERE ctid IN (SELECT ctid FROM logins WHERE expires_at < ? FOR UPDATE SKIP LOCKED)",
        [Bind::Integer(before.as_micros())],
    )
    .execute(connection)
    .await?;
    Ok(())
}
