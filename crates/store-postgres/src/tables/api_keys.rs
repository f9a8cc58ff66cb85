//! API keys.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::ids::KeyId;
use flightdeck_store_sql::rows::api_key::{ApiKeyRow, NewApiKeyRow};
use flightdeck_store_sql::schema::api_keys;

use crate::error::StoreError;

pub(crate) async fn insert(connection: &mut AsyncPgConnection, key: &ApiKey) -> Result<(), StoreError> {
    diesel::insert_into(api_keys::table).values(&NewApiKeyRow::from(key)).execute(connection).await?;
    Ok(())
}

pub(crate) async fn get(connection: &mut AsyncPgConnection, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
    let row =
        api_keys::table.find(id.as_str()).select(ApiKeyRow::as_select()).get_result(connection).await.optional()?;
    Ok(row.map(ApiKey::try_from).transpose()?)
}

/// One key, which nobody else changes until the end of the transaction.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
    let key = api_keys::table.find(id.as_str()).select(ApiKeyRow::as_select()).for_no_key_update();
    Ok(key.get_result(connection).await.optional()?.map(ApiKey::try_from).transpose()?)
}

/// Whether there is a key at all.
pub(crate) async fn any(connection: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    Ok(diesel::select(diesel::dsl::exists(api_keys::table.select(api_keys::id))).get_result(connection).await?)
}

/// All keys, oldest first. There are few.
pub(crate) async fn list(connection: &mut AsyncPgConnection) -> Result<Vec<ApiKey>, StoreError> {
    let rows = api_keys::table
        .order((api_keys::created_at.asc(), api_keys::id.asc()))
        .select(ApiKeyRow::as_select())
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(ApiKey::try_from).collect::<Result<_, _>>()?)
}

/// Writes what can change of a key: its end.
pub(crate) async fn save(connection: &mut AsyncPgConnection, key: &ApiKey) -> Result<(), StoreError> {
    diesel::update(api_keys::table.find(key.id.as_str()))
        .set(api_keys::revoked_at.eq(key.revoked_at.map(|at| at.as_micros())))
        .execute(connection)
        .await?;
    Ok(())
}
