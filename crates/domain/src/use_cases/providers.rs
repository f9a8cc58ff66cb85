//! The providers of a deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;

use crate::command::Command;
use crate::message::Message;
use crate::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, ProviderKind, SpawnError};
use crate::provider_config::{ConfigFault, ConfigName, Credentials, Label, ProviderConfig};
use crate::session::Session;
use crate::text::{AgentType, JsonObject, MessageContent, ProviderName, ReplicaName};

/// A name without a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider {name:?}; this server has {}", .known.join(", "))]
pub struct UnknownProvider {
    /// The name.
    pub name: String,
    /// The existing names.
    pub known: Vec<String>,
}

/// A kind without its provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownKind {
    /// There is no such kind.
    #[error("there is no kind {name:?}; this server has {}", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The existing names.
        known: Vec<String>,
    },
    /// There is such a kind, and this server does not have it.
    #[error("the kind {name} is not installed on this server: {why}")]
    NotInstalled {
        /// The name.
        name: String,
        /// Why not, and what would help.
        why: String,
    },
}

/// What a provider can start, and what its agents can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderOffer {
    /// The name under which sessions refer to it.
    pub name: ProviderName,
    /// Whether it starts agents now. A provider that starts only agents of configured types does not while no type is
    /// configured.
    pub spawns: bool,
    /// The types of agents that it starts, sorted. Empty if it does not distinguish agents by type: then it accepts any
    /// type.
    pub agent_types: Vec<AgentType>,
    /// What its agents can do; if they differ, what all of them can do.
    pub capabilities: Capabilities,
}

impl ProviderOffer {
    fn new(name: ProviderName, provider: &dyn AgentProvider) -> Self {
        let (capabilities, agent_types) = (provider.capabilities(), provider.agent_types());
        Self {
            name,
            spawns: capabilities.spawn && agent_types.as_ref().is_none_or(|types| !types.is_empty()),
            agent_types: agent_types.unwrap_or_default(),
            capabilities,
        }
    }
}

/// The providers by name; `internal` is always among them.
#[derive(Clone)]
pub struct Providers {
    by_name: BTreeMap<ProviderName, Arc<dyn AgentProvider>>,
    replica: Option<ReplicaName>,
    without_lease: BTreeSet<ProviderName>,
    kinds: BTreeMap<ProviderName, Arc<dyn ProviderKind>>,
    missing: BTreeMap<ProviderName, String>,
    labels: Arc<BTreeSet<Label>>,
}

impl Default for Providers {
    fn default() -> Self {
        let none = Self {
            by_name: BTreeMap::new(),
            replica: None,
            without_lease: BTreeSet::new(),
            kinds: BTreeMap::new(),
            missing: BTreeMap::new(),
            labels: Arc::default(),
        };
        none.with(Arc::new(InternalProvider)).with_kind(Arc::new(InternalProvider))
    }
}

impl Providers {
    /// Adds a provider.
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn AgentProvider>) -> Self {
        self.by_name.insert(provider.name(), provider);
        self
    }

    /// Adds a kind: configurations of this provider can be stored.
    #[must_use]
    pub fn with_kind(mut self, kind: Arc<dyn ProviderKind>) -> Self {
        self.missing.remove(&kind.kind());
        self.kinds.insert(kind.kind(), kind);
        self
    }

    /// Declares that there is a kind that this server does not have.
    #[must_use]
    pub fn without_kind(mut self, name: ProviderName, why: impl Into<String>) -> Self {
        if !self.kinds.contains_key(&name) {
            self.missing.insert(name, why.into());
        }
        self
    }

    /// Gives the server labels, which configurations can ask for.
    #[must_use]
    pub fn with_labels(self, labels: BTreeSet<Label>) -> Self {
        Self { labels: Arc::new(labels), ..self }
    }

    /// The labels of this server.
    #[must_use]
    pub fn labels(&self) -> &BTreeSet<Label> {
        &self.labels
    }

    /// The kind of that name.
    ///
    /// # Errors
    /// There is none, or this server does not have it.
    pub fn kind(&self, name: &ProviderName) -> Result<&Arc<dyn ProviderKind>, UnknownKind> {
        let missing = || match self.missing.get(name) {
            Some(why) => UnknownKind::NotInstalled { name: name.to_string(), why: why.clone() },
            None => UnknownKind::Unknown {
                name: name.to_string(),
                known: self.kinds.keys().map(ToString::to_string).collect(),
            },
        };
        self.kinds.get(name).ok_or_else(missing)
    }

    /// Whether there is a kind or a provider of that name, here or elsewhere.
    #[must_use]
    pub fn is_a_kind(&self, name: &ProviderName) -> bool {
        self.kinds.contains_key(name) || self.missing.contains_key(name) || self.by_name.contains_key(name)
    }

    /// The configurations of the file, by name.
    #[must_use]
    pub fn configs_of_file(&self) -> Vec<ProviderConfig> {
        self.kinds.values().flat_map(|kind| kind.of_file()).collect()
    }

    /// The configuration of the file of that name.
    #[must_use]
    pub fn config_of_file(&self, name: &ConfigName) -> Option<ProviderConfig> {
        self.configs_of_file().into_iter().find(|config| config.name == *name)
    }

    /// Declares that the agents of a provider give no sign of life between their actions. Their sessions are not lost
    /// when they are silent.
    #[must_use]
    pub fn without_lease(mut self, name: ProviderName) -> Self {
        self.without_lease.insert(name);
        self
    }

    /// Whether the agents of this provider may be silent without a limit.
    #[must_use]
    pub fn has_no_lease(&self, name: &ProviderName) -> bool {
        self.without_lease.contains(name)
    }

    /// Names the replica that runs the providers, if several replicas share one store. Sessions whose agents live in
    /// this process then have its name, so each replica knows its own sessions, also after a restart.
    #[must_use]
    pub fn at_replica(self, name: ReplicaName) -> Self {
        Self { replica: Some(name), ..self }
    }

    /// The replica that runs them; `None` if there is only one.
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

    /// What can be done with a session. Nothing is known of a provider that this server does not have: its agents
    /// report over HTTP, like those of `internal`.
    #[must_use]
    pub fn capabilities_of(&self, session: &Session) -> Capabilities {
        match self.get(&session.provider) {
            Ok(provider) => provider.capabilities_of(session),
            Err(_unknown) => AgentProvider::capabilities(&InternalProvider),
        }
    }

    /// The provider for a spawn that names none: the first one, by name, that has agents of this type, otherwise
    /// `internal`.
    #[must_use]
    pub fn for_agent(&self, agent_type: &AgentType) -> ProviderName {
        let has_it = |provider: &Arc<dyn AgentProvider>| {
            provider.agent_types().is_some_and(|agent_types| agent_types.contains(agent_type))
        };
        let found = self.by_name.iter().find(|(_, provider)| has_it(provider));
        found.map_or_else(ProviderName::internal, |(name, _)| name.clone())
    }

    /// What each provider can start and what its agents can do, sorted by name.
    #[must_use]
    pub fn offers(&self) -> Vec<ProviderOffer> {
        self.by_name.iter().map(|(name, provider)| ProviderOffer::new(name.clone(), provider.as_ref())).collect()
    }

    /// All providers.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn AgentProvider>> {
        self.by_name.values()
    }
}

/// The provider of agents that run elsewhere and report over HTTP. They fetch their commands themselves.
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
            configure: true,
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

#[async_trait]
impl ProviderKind for InternalProvider {
    fn kind(&self) -> ProviderName {
        ProviderName::internal()
    }

    fn capabilities(&self, _config: &ProviderConfig) -> Capabilities {
        AgentProvider::capabilities(self)
    }

    fn build(
        &self,
        _config: &ProviderConfig,
        _credentials: Credentials,
    ) -> Result<Arc<dyn AgentProvider>, ConfigFault> {
        Ok(Arc::new(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MockAgentProvider;

    #[test]
    fn an_unknown_provider_is_told_with_those_there_are() {
        let providers = Providers::default();
        assert!(providers.get(&ProviderName::internal()).is_ok());
        let Err(error) = providers.get(&ProviderName::new("acp").expect("valid")) else { panic!("found") };
        assert_eq!(error.to_string(), "there is no provider \"acp\"; this server has internal");
    }

    fn agent_type(name: &str) -> AgentType {
        AgentType::new(name).expect("valid")
    }

    fn with_types(name: &str, agent_types: Option<&[&str]>) -> Arc<dyn AgentProvider> {
        let name = ProviderName::new(name).expect("valid");
        let agent_types = agent_types.map(|names| names.iter().copied().map(agent_type).collect::<Vec<_>>());
        let mut provider = MockAgentProvider::new();
        provider.expect_name().return_const(name);
        provider.expect_agent_types().returning(move || agent_types.clone());
        provider
            .expect_capabilities()
            .return_const(Capabilities { spawn: true, ..AgentProvider::capabilities(&InternalProvider) });
        Arc::new(provider)
    }

    #[test]
    fn what_each_provider_can_start_is_told_by_name() {
        let providers = Providers::default()
            .with(with_types("robots", None))
            .with(with_types("acp", Some(&["claude", "opencode"])))
            .with(with_types("bare", Some(&[])));
        let told: Vec<_> = providers.offers().into_iter().map(|it| (it.name, it.spawns, it.agent_types)).collect();
        let offer = |name: &str, spawns: bool, types: &[&str]| {
            let types: Vec<AgentType> = types.iter().copied().map(agent_type).collect();
            (ProviderName::new(name).expect("valid"), spawns, types)
        };
        let expected = [
            offer("acp", true, &["claude", "opencode"]),
            offer("bare", false, &[]),
            offer("internal", false, &[]),
            offer("robots", true, &[]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_spawn_that_names_no_provider_is_for_the_one_that_has_the_type() {
        let providers = Providers::default()
            .with(with_types("b", Some(&["claude", "opencode"])))
            .with(with_types("a", Some(&["claude"])))
            .with(with_types("robots", None));
        for (asked, expected) in [("claude", "a"), ("opencode", "b"), ("worker", "internal")] {
            assert_eq!(providers.for_agent(&agent_type(asked)).as_str(), expected, "{asked}");
        }
    }
}
