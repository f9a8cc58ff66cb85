//! Seals the credentials of providers and sinks with the newest key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Has, credentials};
use crate::action::Origin;
use crate::ports::{Clock, ProviderConfigRepository, SecretSealer, SinkRepository, StoreUnavailable};
use crate::provider_config::{ConfigName, CredentialName, ProviderConfig, Resealing, SealedCredential};
use crate::sink::{Sink, SinkResealing};

/// What became of credentials that were to be sealed with the newest key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// The configurations whose credentials were sealed anew; of a sink the name under which they are sealed.
    pub done: Vec<ConfigName>,
    /// The ones that could not be, and why.
    pub left: Vec<(ConfigName, String)>,
}

/// Seals credentials with the newest key.
#[derive(Clone)]
pub struct ResealCredentials {
    configs: Arc<dyn ProviderConfigRepository>,
    sinks: Arc<dyn SinkRepository>,
    sealer: Arc<dyn SecretSealer>,
    clock: Arc<dyn Clock>,
}

/// What has credentials.
enum Owner {
    Config(ProviderConfig),
    Sink(Sink),
}

impl Owner {
    fn name(&self) -> ConfigName {
        match self {
            Self::Config(config) => config.name.clone(),
            Self::Sink(sink) => sink.name.owner(),
        }
    }

    const fn credentials(&self) -> &BTreeMap<CredentialName, SealedCredential> {
        match self {
            Self::Config(config) => &config.credentials,
            Self::Sink(sink) => &sink.credentials,
        }
    }
}

impl ResealCredentials {
    /// How often something is tried that somebody changes meanwhile.
    const TRIES: usize = 5;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, sealer: Arc<dyn SecretSealer>) -> Self
    where
        P: Has<dyn ProviderConfigRepository> + Has<dyn SinkRepository> + Has<dyn Clock>,
    {
        Self { configs: ports.port(), sinks: ports.port(), sealer, clock: ports.port() }
    }

    /// Seals every credential with the newest key that is not sealed with it yet, each configuration and each sink with
    /// an audit entry. A credential that cannot be opened keeps its owner as it is.
    ///
    /// # Errors
    /// The store is not available. What was done before is done.
    pub async fn execute(&self, origin: &Origin) -> Result<Resealed, StoreUnavailable> {
        let configs = self.configs.provider_configs().await?.into_iter().map(Owner::Config);
        let owners: Vec<Owner> = configs.chain(self.sinks.sinks().await?.into_iter().map(Owner::Sink)).collect();
        let mut all = Resealed::default();
        for owner in owners {
            let name = owner.name();
            match self.reseal(owner, origin).await? {
                Ok(true) => all.done.push(name),
                Ok(false) => {}
                Err(why) => all.left.push((name, why)),
            }
        }
        Ok(all)
    }

    async fn reseal(&self, mut owner: Owner, origin: &Origin) -> Result<Result<bool, String>, StoreUnavailable> {
        for _ in 0..Self::TRIES {
            let credentials = match credentials::anew(&self.sealer, &owner.name(), owner.credentials()) {
                Ok(Some(credentials)) => credentials,
                Ok(None) => return Ok(Ok(false)),
                Err(fault) => return Ok(Err(fault.to_string())),
            };
            if self.write(&owner, credentials, origin).await? {
                return Ok(Ok(true));
            }
            match self.read_again(&owner).await? {
                Some(changed) => owner = changed,
                None => return Ok(Ok(false)),
            }
        }
        Ok(Err("it is changed again and again".to_owned()))
    }

    async fn write(
        &self,
        owner: &Owner,
        credentials: BTreeMap<CredentialName, SealedCredential>,
        origin: &Origin,
    ) -> Result<bool, StoreUnavailable> {
        let by = origin.clone().at(self.clock.now());
        match owner {
            Owner::Config(ProviderConfig { name, revision, .. }) => {
                let resealing = Resealing { name: name.clone(), revision: *revision, credentials, by };
                self.configs.reseal_credentials(resealing).await
            }
            Owner::Sink(Sink { name, revision, .. }) => {
                let resealing = SinkResealing { name: name.clone(), revision: *revision, credentials, by };
                self.sinks.reseal_sink(resealing).await
            }
        }
    }

    async fn read_again(&self, owner: &Owner) -> Result<Option<Owner>, StoreUnavailable> {
        Ok(match owner {
            Owner::Config(config) => self.configs.provider_config(config.name.clone()).await?.map(Owner::Config),
            Owner::Sink(sink) => self.sinks.sink(sink.name.clone()).await?.map(Owner::Sink),
        })
    }
}
