//! Configurations of providers.

use flightdeck_domain::ports::{ProviderConfigRows, Rows};
use flightdeck_domain::provider_config::{ConfigName, ProviderConfig};

use super::{Dialect, Done, SqlTx};
use crate::connection::Connection;
use crate::rows::provider_config::{NewProviderConfigRow, ProviderConfigRow};
use crate::schema::provider_configs;
use crate::statement::{Bind, Prepared};

async fn one<C: Connection>(connection: &mut C, name: &ConfigName, lock: &str) -> Done<Option<ProviderConfig>> {
    let sql = format!("SELECT {} FROM provider_configs WHERE name = ?{lock}", ProviderConfigRow::COLUMNS);
    connection.value::<ProviderConfigRow, _>(Prepared::new(sql, [Bind::Text(name.as_str())])).await
}

/// A configuration, locked.
pub async fn lock_provider_config<C: Connection>(
    connection: &mut C,
    name: &ConfigName,
) -> Done<Option<ProviderConfig>> {
    one(connection, name, C::WORDS.lock()).await
}

impl<D: Dialect> ProviderConfigRows for SqlTx<D> {
    async fn insert_provider_config(&mut self, config: &ProviderConfig) -> Rows<bool> {
        let row = NewProviderConfigRow::from(config);
        let insert = diesel::insert_into(provider_configs::table).values(&row).on_conflict_do_nothing();
        Ok(self.connection().run(insert).await? > 0)
    }

    async fn provider_config(&mut self, name: &ConfigName) -> Rows<Option<ProviderConfig>> {
        Ok(one(self.connection(), name, "").await?)
    }

    async fn lock_provider_config(&mut self, name: &ConfigName) -> Rows<Option<ProviderConfig>> {
        Ok(Dialect::lock_provider_config(&mut self.0, name).await?)
    }

    async fn provider_configs(&mut self) -> Rows<Vec<ProviderConfig>> {
        let order = Self::WORDS.in_bytes("name");
        let sql = format!("SELECT {} FROM provider_configs ORDER BY {order}", ProviderConfigRow::COLUMNS);
        Ok(self.connection().values::<ProviderConfigRow, _>(Prepared::new(sql, [])).await?)
    }

    async fn save_provider_config(&mut self, config: &ProviderConfig) -> Rows<()> {
        let row = NewProviderConfigRow::from(config);
        let binds = [
            Bind::MaybeText(row.display_name),
            Bind::Text(&row.settings),
            Bind::Text(&row.credentials),
            Bind::Text(&row.labels),
            Bind::MaybeInteger(row.at_once),
            Bind::MaybeInteger(row.max_cost),
            Bind::MaybeInteger(row.max_tokens),
            Bind::MaybeInteger(row.fail_after),
            Bind::Integer(row.revision),
            Bind::Text(row.changed_by),
            Bind::Integer(row.changed_at),
            Bind::Text(config.name.as_str()),
        ];
        let word = |flag: bool| if flag { "TRUE" } else { "FALSE" };
        let (enabled, requeue) = (word(config.enabled), word(config.limits.when_lost.requeue));
        let sql = format!(
            "UPDATE provider_configs SET enabled = {enabled}, display_name = ?, settings = ?, credentials = ?, labels = ?, \
             at_once = ?, max_cost = ?, max_tokens = ?, fail_after = ?, requeue = {requeue}, revision = ?, changed_by = ?, changed_at = ? WHERE name = ?"
        );
        self.execute(Prepared::new(sql, binds)).await
    }

    async fn remove_provider_config(&mut self, name: &ConfigName) -> Rows<()> {
        let sql = "DELETE FROM provider_configs WHERE name = ?";
        self.execute(Prepared::new(sql, [Bind::Text(name.as_str())])).await
    }
}
