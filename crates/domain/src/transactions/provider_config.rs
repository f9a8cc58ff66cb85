//! Configurations of providers.

use async_trait::async_trait;

use super::run::run;
use crate::ports::{
    ConfigChangeError, ProviderConfigRepository, ProviderConfigRows, Rows, StoreUnavailable, Transactional, Tx,
};
use crate::provider_config::{ConfigChange, ConfigEffect, ConfigName, ConfigRefused, ProviderConfig, Resealing};

/// Makes, changes or removes a configuration: [`ProviderConfigRepository::change_provider_config`].
///
/// # Errors
/// The store is not available.
pub async fn change<T: Tx>(tx: &mut T, change: &ConfigChange) -> Rows<Result<ProviderConfig, ConfigRefused>> {
    let existing = tx.lock_provider_config(&change.name).await?;
    let mut decision = change.decide(existing.as_ref());
    if let Ok(ConfigEffect::Create(config)) = &decision.outcome
        && !tx.insert_provider_config(config).await?
    {
        // Made by somebody else since the lock, which holds only what is there.
        let revision = tx.provider_config(&change.name).await?.map_or(1, |config| config.revision);
        decision = change.refuse(ConfigRefused::Exists { name: change.name.clone(), revision });
    }
    match &decision.outcome {
        Ok(ConfigEffect::Change(config)) => tx.save_provider_config(config).await?,
        Ok(ConfigEffect::Remove(config)) => tx.remove_provider_config(&config.name).await?,
        Ok(ConfigEffect::Create(_)) | Err(_) => {}
    }
    tx.record(decision.audit).await?;
    Ok(decision.outcome.map(ConfigEffect::into_config))
}

/// Replaces sealed credentials: [`ProviderConfigRepository::reseal_credentials`].
///
/// # Errors
/// The store is not available.
pub async fn reseal<T: Tx>(tx: &mut T, resealing: &Resealing) -> Rows<bool> {
    let existing = tx.lock_provider_config(&resealing.name).await?;
    let Some((config, entry)) = resealing.decide(existing.as_ref()) else { return Ok(false) };
    tx.save_provider_config(&config).await?;
    tx.record(entry).await?;
    Ok(true)
}

#[async_trait]
impl<S: Transactional> ProviderConfigRepository for S {
    async fn provider_config(&self, name: ConfigName) -> Result<Option<ProviderConfig>, StoreUnavailable> {
        run!(self.read, (name), |tx| tx.provider_config(&name)).await
    }

    async fn provider_configs(&self) -> Result<Vec<ProviderConfig>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.provider_configs()).await
    }

    async fn change_provider_config(&self, wanted: ConfigChange) -> Result<ProviderConfig, ConfigChangeError> {
        let done: Rows<_> = run!(self.write, (wanted), |tx| change(tx, &wanted)).await;
        Ok(done??)
    }

    async fn reseal_credentials(&self, resealing: Resealing) -> Result<bool, StoreUnavailable> {
        run!(self.write, (resealing), |tx| reseal(tx, &resealing)).await
    }
}
