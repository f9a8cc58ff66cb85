//! The providers that a deployment has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use crate::command::Command;
use crate::message::Message;
use crate::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
use crate::session::Session;
use crate::text::{AgentType, JsonObject, MessageContent, ProviderName, ReplicaName};

/// A name that no provider has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider {name:?}; this server has {}", .known.join(", "))]
pub struct UnknownProvider {
    /// The name.
    pub name: String,
    /// The names there are.
    pub known: Vec<String>,
}

/// The providers by name; `internal` is always among them.
#[derive(Clone)]
pub struct Providers {
    by_name: BTreeMap<ProviderName, Arc<dyn AgentProvider>>,
    replica: Option<ReplicaName>,
    without_lease: BTreeSet<ProviderName>,
}

impl Default for Providers {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), replica: None, without_lease: BTreeSet::new() }
            .with(Arc::new(InternalProvider))
    }
}

impl Providers {
    /// Adds a provider.
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn AgentProvider>) -> Self {
        self.by_name.insert(provider.name(), provider);
        self
    }

    /// Says that the agents of a provider give no sign of life between what they do: their sessions are not lost for being
    /// silent.
    #[must_use]
    pub fn without_lease(mut self, name: ProviderName) -> Self {
        self.without_lease.insert(name);
        self
    }

    /// Whether the agents of this provider may be silent for as long as they like.
    #[must_use]
    pub fn has_no_lease(&self, name: &ProviderName) -> bool {
        self.without_lease.contains(name)
    }

    /// Names the replica that runs them, where there are several on one store. The sessions whose agents live in this
    /// process then bear its name: so each replica knows its own, also after a restart.
    #[must_use]
    pub fn at_replica(self, name: ReplicaName) -> Self {
        Self { replica: Some(name), ..self }
    }

    /// The replica that runs them; `None` where there is only one.
    #[must_use]
    pub const fn replica(&self) -> Option<&ReplicaName> {
        self.replica.as_ref()
    }

    /// The provider of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &ProviderName) -> Result<&Arc<dyn AgentProvider>, UnknownProvider> {
        self.by_name.get(name).ok_or_else(|| UnknownProvider {
            name: name.to_string(),
            known: self.by_name.keys().map(ToString::to_string).collect(),
        })
    }

    /// What can be done with a session. Of a provider that this server does not have nothing is known: its agents report
    /// over HTTP, as those of `internal` do.
    #[must_use]
    pub fn capabilities_of(&self, session: &Session) -> Capabilities {
        match self.get(&session.provider) {
            Ok(provider) => provider.capabilities_of(session),
            Err(_unknown) => InternalProvider.capabilities(),
        }
    }

    /// The provider that starts agents of this kind when nobody says which: the one that serves it, else `internal`.
    #[must_use]
    pub fn for_agent(&self, agent_type: &AgentType) -> ProviderName {
        let serving = self.iter().find(|provider| provider.serves(agent_type));
        serving.map_or_else(ProviderName::internal, |provider| provider.name())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn AgentProvider>> {
        self.by_name.values()
    }
}

/// The provider of agents that run elsewhere and report over HTTP: they fetch their commands by themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct InternalProvider;

#[async_trait]
impl AgentProvider for InternalProvider {
    fn name(&self) -> ProviderName {
        ProviderName::internal()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: Some(PauseCapability::Turn),
            steer: true,
            queue: true,
            approve: true,
            spawn: false,
            in_process: false,
        }
    }

    async fn check(&self, _agent_type: &AgentType, _context: &JsonObject) -> Result<(), SpawnError> {
        Ok(())
    }

    /// The session stays `spawning` until its agent reports.
    async fn spawn(&self, _session: &Session, _prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        Ok(())
    }

    /// The command waits in the queue until the agent fetches it.
    async fn deliver(&self, _command: &Command, _message: Option<Message>) -> Result<(), DeliverError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_provider_is_told_with_those_there_are() {
        let providers = Providers::default();
        assert!(providers.get(&ProviderName::internal()).is_ok());
        let Err(error) = providers.get(&ProviderName::new("acp").expect("valid")) else { panic!("found") };
        assert_eq!(error.to_string(), "there is no provider \"acp\"; this server has internal");
    }
}
