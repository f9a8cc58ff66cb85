//! Seals the credentials of providers with the newest key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Has;
use crate::action::Origin;
use crate::ports::{Clock, ProviderConfigRepository, SecretSealer, StoreUnavailable};
use crate::provider_config::{ConfigName, CredentialName, ProviderConfig, Resealing, SealedCredential, SealedFault};

/// What became of credentials that were to be sealed with the newest key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// The configurations whose credentials were sealed anew.
    pub done: Vec<ConfigName>,
    /// The configurations that could not be, and why.
    pub left: Vec<(ConfigName, String)>,
}

/// Seals credentials with the newest key.
#[derive(Clone)]
pub struct ResealCredentials {
    configs: Arc<dyn ProviderConfigRepository>,
    sealer: Arc<dyn SecretSealer>,
    clock: Arc<dyn Clock>,
}

impl ResealCredentials {
    /// How often a configuration is tried that somebody changes meanwhile.
    const TRIES: usize = 5;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, sealer: Arc<dyn SecretSealer>) -> Self
    where
        P: Has<dyn ProviderConfigRepository> + Has<dyn Clock>,
    {
        Self { configs: ports.port(), sealer, clock: ports.port() }
    }

    /// Seals every credential with the newest key that is not sealed with it yet, each configuration with an audit
    /// entry. A credential that cannot be opened keeps its configuration as it is.
    ///
    /// # Errors
    /// The store is not available. What was done before is done.
    pub async fn execute(&self, origin: &Origin) -> Result<Resealed, StoreUnavailable> {
        let mut all = Resealed::default();
        for config in self.configs.provider_configs().await? {
            let name = config.name.clone();
            match self.reseal(config, origin).await? {
                Ok(true) => all.done.push(name),
                Ok(false) => {}
                Err(why) => all.left.push((name, why)),
            }
        }
        Ok(all)
    }

    async fn reseal(
        &self,
        mut config: ProviderConfig,
        origin: &Origin,
    ) -> Result<Result<bool, String>, StoreUnavailable> {
        for _ in 0..Self::TRIES {
            let credentials = match self.anew(&config) {
                Ok(Some(credentials)) => credentials,
                Ok(None) => return Ok(Ok(false)),
                Err(fault) => return Ok(Err(fault.to_string())),
            };
            let (name, by) = (config.name.clone(), origin.clone().at(self.clock.now()));
            let resealing = Resealing { name: name.clone(), revision: config.revision, credentials, by };
            if self.configs.reseal_credentials(resealing).await? {
                return Ok(Ok(true));
            }
            match self.configs.provider_config(name).await? {
                Some(changed) => config = changed,
                None => return Ok(Ok(false)),
            }
        }
        Ok(Err("it is changed again and again".to_owned()))
    }

    /// The credentials under the newest key; `None` when they are all.
    fn anew(&self, config: &ProviderConfig) -> Result<Option<BTreeMap<CredentialName, SealedCredential>>, SealedFault> {
        let mut is_current = true;
        for sealed in config.credentials.values() {
            is_current &= self.sealer.is_current(sealed)?;
        }
        if is_current {
            return Ok(None);
        }
        let anew = config.credentials.iter().map(|(name, sealed)| {
            let secret = self.sealer.open(&config.name, name, sealed)?;
            Ok((name.clone(), self.sealer.seal(&config.name, name, &secret)?))
        });
        anew.collect::<Result<_, _>>().map(Some)
    }
}
