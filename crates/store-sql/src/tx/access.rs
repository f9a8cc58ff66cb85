//! API keys and logins.

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::ports::{AccessRows, Rows};
use flightdeck_domain::time::Timestamp;

use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::api_key::{ApiKeyRow, NewApiKeyRow};
use crate::rows::login::{LoginRow, NewLoginRow};
use crate::schema::{api_keys, logins};
use crate::statement::{Bind, Prepared};

async fn key<C: Connection>(connection: &mut C, id: &KeyId, lock: &str) -> Done<Option<ApiKey>> {
    let sql = format!("SELECT {} FROM api_keys WHERE id = ?{lock}", ApiKeyRow::COLUMNS);
    connection.value::<ApiKeyRow, _>(Prepared::new(sql, [Bind::Text(id.as_str())])).await
}

async fn login<C: Connection>(connection: &mut C, id: &LoginId, lock: &str) -> Done<Option<Login>> {
    let sql = format!("SELECT {} FROM logins WHERE id = ?{lock}", LoginRow::COLUMNS);
    connection.value::<LoginRow, _>(Prepared::new(sql, [Bind::Text(id.as_str())])).await
}

/// A key, locked.
pub async fn lock_key<C: Connection>(connection: &mut C, id: &KeyId) -> Done<Option<ApiKey>> {
    key(connection, id, C::WORDS.lock()).await
}

/// A login, locked.
pub async fn lock_login<C: Connection>(connection: &mut C, id: &LoginId) -> Done<Option<Login>> {
    login(connection, id, C::WORDS.lock()).await
}

impl<D: Dialect> AccessRows for SqlTx<D> {
    async fn lock_keys(&mut self) -> Rows<()> {
        Ok(Dialect::lock_keys(&mut self.0).await?)
    }

    async fn insert_key(&mut self, key: &ApiKey) -> Rows<()> {
        self.execute(diesel::insert_into(api_keys::table).values(&NewApiKeyRow::from(key))).await
    }

    async fn key(&mut self, id: &KeyId) -> Rows<Option<ApiKey>> {
        Ok(key(self.connection(), id, "").await?)
    }

    async fn lock_key(&mut self, id: &KeyId) -> Rows<Option<ApiKey>> {
        Ok(Dialect::lock_key(&mut self.0, id).await?)
    }

    async fn any_key(&mut self) -> Rows<bool> {
        let count = Prepared::new("SELECT COUNT(*) AS n FROM (SELECT id FROM api_keys LIMIT 1) AS one", []);
        Ok(self.connection().count(count).await? > 0)
    }

    async fn keys(&mut self) -> Rows<Vec<ApiKey>> {
        let sql = format!("SELECT {} FROM api_keys ORDER BY created_at, id", ApiKeyRow::COLUMNS);
        Ok(self.connection().values::<ApiKeyRow, _>(Prepared::new(sql, [])).await?)
    }

    /// What can change of a key: its end.
    async fn save_key(&mut self, key: &ApiKey) -> Rows<()> {
        let binds = [Bind::MaybeInteger(key.revoked_at.map(|at| at.as_micros())), Bind::Text(key.id.as_str())];
        self.execute(Prepared::new("UPDATE api_keys SET revoked_at = ? WHERE id = ?", binds)).await
    }

    async fn insert_login(&mut self, login: &Login) -> Rows<()> {
        self.execute(diesel::insert_into(logins::table).values(&NewLoginRow::from(login))).await
    }

    async fn login(&mut self, id: &LoginId) -> Rows<Option<Login>> {
        Ok(login(self.connection(), id, "").await?)
    }

    async fn lock_login(&mut self, id: &LoginId) -> Rows<Option<Login>> {
        Ok(Dialect::lock_login(&mut self.0, id).await?)
    }

    /// What can change of a login: its end.
    async fn save_login(&mut self, login: &Login) -> Rows<()> {
        let binds = [Bind::MaybeInteger(login.ended_at.map(|at| at.as_micros())), Bind::Text(login.id.as_str())];
        self.execute(Prepared::new("UPDATE logins SET ended_at = ? WHERE id = ?", binds)).await
    }

    async fn forget_logins(&mut self, before: Timestamp) -> Rows<()> {
        let sql = Self::WORDS.delete("logins", "expires_at < ?");
        self.execute(Prepared::new(sql, [Bind::Integer(before.as_micros())])).await
    }
}
