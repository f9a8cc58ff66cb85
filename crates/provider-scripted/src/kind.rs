//! The kind `scripted`: configurations with a script that sessions play unless they bring one.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{
    AgentProvider, Capabilities, DeliverError, ProviderKind, ProviderTrial, SpawnError, TrialFailed,
};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, Credentials, ProviderConfig, SettingsSchema};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName};
use flightdeck_uplink::{Place, Places};
use serde_json::json;

use crate::agent::Start;
use crate::provider::{Agents, CAPABILITIES, ScriptedProvider};
use crate::script::Script;

/// What a session plays: its context over the settings.
fn merged(config: &ProviderConfig, context: &JsonObject) -> JsonObject {
    let mut members = config.settings.as_map().clone();
    members.extend(context.as_map().clone());
    JsonObject::new(members).unwrap_or_else(|_too_long| context.clone())
}

/// What is wrong with a script of settings.
fn fault(error: SpawnError) -> ConfigFault {
    match error {
        SpawnError::Invalid { field, problem } => ConfigFault::new(field.replacen("context", "settings", 1), problem),
        SpawnError::Failed(cause) => ConfigFault::new("settings", cause.to_string()),
    }
}

#[async_trait]
impl ProviderKind for ScriptedProvider {
    fn kind(&self) -> ProviderName {
        ProviderName::scripted()
    }

    fn schema(&self) -> SettingsSchema {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "An agent that plays a script",
            "description": "What a session plays that brings nothing of it in its context.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "script": {"type": "array", "items": {"type": "object"}, "maxItems": 1_000, "description": "the steps, in order"},
                "repeat": {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "how often they are played"},
                "pace": {"type": "integer", "minimum": 0, "maximum": 600_000, "description": "milliseconds between two steps"},
                "usage": {"type": "object", "description": "what each text is said to have used"},
            },
        });
        SettingsSchema::built_in(schema)
    }

    fn takes_credentials(&self) -> bool {
        false
    }

    fn check(&self, config: &ProviderConfig, _credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        Script::read(&config.settings).err().map(|error| fault(error.into())).into_iter().collect()
    }

    fn check_context(&self, config: &ProviderConfig, context: &JsonObject) -> Result<(), SpawnError> {
        Ok(Script::read(&merged(config, context)).map(drop)?)
    }

    fn capabilities(&self, _config: &ProviderConfig) -> Capabilities {
        CAPABILITIES
    }

    fn build(&self, config: &ProviderConfig, _credentials: Credentials) -> Result<Arc<dyn AgentProvider>, ConfigFault> {
        Script::read(&config.settings).map_err(|error| fault(error.into()))?;
        let places = config.limits.at_once.and_then(|most| usize::try_from(most).ok());
        let places = places.map(|most| self.agents().places_of(config.name.as_str(), most));
        Ok(Arc::new(Configured { agents: Arc::clone(self.agents()), config: config.clone(), places }))
    }

    async fn test(&self, config: &ProviderConfig, _credentials: Credentials) -> Result<ProviderTrial, TrialFailed> {
        Script::read(&config.settings).map_err(|error| TrialFailed(fault(error.into()).to_string()))?;
        Ok(ProviderTrial { started: false, agent: Some("a script".to_owned()), offers: Vec::new() })
    }
}

/// The provider of one configuration. Its agents are at work beside all others of the kind.
struct Configured {
    agents: Arc<Agents>,
    config: ProviderConfig,
    /// `None` for as many as come.
    places: Option<Arc<Places>>,
}

impl Configured {
    fn full(&self) -> String {
        let most = self.places.as_ref().map_or(0, |places| places.all());
        format!("{} agents of {:?} are at work, as many as its limit atOnce allows", most, self.config.name)
    }

    fn place(&self) -> Result<Option<Place>, SpawnError> {
        let Some(places) = &self.places else { return Ok(None) };
        places.try_take().map(Some).ok_or_else(|| SpawnError::Failed(self.full().into()))
    }
}

#[async_trait]
impl AgentProvider for Configured {
    fn name(&self) -> ProviderName {
        ProviderName::scripted()
    }

    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn check(&self, _agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        Script::read(&merged(&self.config, context))?;
        match &self.places {
            Some(places) if !places.has_free() => {
                Err(SpawnError::Invalid { field: "provider".into(), problem: self.full() })
            }
            _ => Ok(()),
        }
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        let script = Script::read(&merged(&self.config, &session.context))?;
        let place = self.place()?;
        self.agents.spawn(Start { session: session.id, script, prompt }, place)
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.agents.deliver(command, message)
    }
}
