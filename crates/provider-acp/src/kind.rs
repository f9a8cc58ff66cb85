//! The kind `acp`: what its configurations look like, and providers made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::command::Command;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{
    AgentProvider, Capabilities, DeliverError, ProviderKind, ProviderTrial, SpawnError, TrialFailed,
};
use flightdeck_domain::provider_config::{
    ConfigFault, ConfigLimits, ConfigName, CredentialName, Credentials, ProviderConfig, SettingsSchema,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ProviderSessionId};
use serde_json::Value;

use crate::config::AgentConfig;
use crate::provider::{AcpProvider, Agents, Kind, capabilities, capabilities_of};
use crate::schema::{keys, schema};
use crate::settings::opening;
use crate::trial;
use crate::workplace::Workplace;

/// What stands for a credential in the variables and headers of a server of tools.
const REFERENCE: &str = "credential:";

/// Says that a value of the file is not for readers.
const HIDDEN: &str = "(not shown)";

/// Reads the settings of a configuration.
fn read(config: &ProviderConfig, credentials: &BTreeMap<&str, &str>) -> Result<AgentConfig, ConfigFault> {
    let mut settings = config.settings.as_map().clone();
    if let Some(Value::Object(servers)) = settings.get_mut("mcp_servers") {
        for (server, values) in servers.iter_mut() {
            put_credentials(server, values, credentials)?;
        }
    }
    let environment = |name: &str| std::env::var(name).ok();
    let read = AgentConfig::read(config.name.as_str(), Value::Object(settings), environment);
    let mut agent = read.map_err(|error| of_settings(&error.problem))?;
    if let Some(at_once) = config.limits.at_once {
        agent.at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
    }
    let variables = credentials.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    agent.credentials.extend(variables);
    Ok(agent)
}

/// Puts credentials where a server of tools names them.
fn put_credentials(server: &str, values: &mut Value, credentials: &BTreeMap<&str, &str>) -> Result<(), ConfigFault> {
    for group in ["env", "headers"] {
        let Some(Value::Object(pairs)) = values.get_mut(group) else { continue };
        for (key, value) in pairs.iter_mut() {
            let Some(name) = value.as_str().and_then(|text| text.strip_prefix(REFERENCE)) else { continue };
            let Some(secret) = credentials.get(name) else {
                let field = format!("settings.mcp_servers.{server}.{group}.{key}");
                return Err(ConfigFault::new(field, format!("there is no credential {name:?}")));
            };
            *value = Value::String((*secret).to_owned());
        }
    }
    Ok(())
}

/// A problem begins with the key that it is about, where it is about one.
fn of_settings(problem: &str) -> ConfigFault {
    let first = problem.split([' ', '.', ':']).next().unwrap_or_default();
    match keys().iter().find(|key| *key == first) {
        Some(key) => ConfigFault::new(format!("settings.{key}"), problem),
        None if problem.ends_with("is not the name of a variable") => ConfigFault::new("settings.env", problem),
        None => ConfigFault::new("settings", problem),
    }
}

fn revealed(credentials: &Credentials) -> BTreeMap<&str, &str> {
    credentials.iter().map(|(name, secret)| (name.as_str(), secret.reveal())).collect()
}

#[async_trait]
impl ProviderKind for AcpProvider {
    fn kind(&self) -> ProviderName {
        ProviderName::acp()
    }

    fn schema(&self) -> SettingsSchema {
        schema()
    }

    fn takes_credentials(&self) -> bool {
        true
    }

    fn check(&self, config: &ProviderConfig, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let some = credentials.iter().map(|name| (name.as_str(), "x")).collect();
        read(config, &some).err().into_iter().collect()
    }

    fn check_context(&self, config: &ProviderConfig, context: &JsonObject) -> Result<(), SpawnError> {
        // The values of credentials do not matter, and folders are those of the agent's machine.
        let names = config.credentials.keys().map(|name| (name.as_str(), "x")).collect();
        let agent = read(config, &names).map_err(|fault| SpawnError::Failed(fault.to_string().into()))?;
        opening(&agent, context)?;
        Workplace::read(&agent, context).map(drop)
    }

    fn capabilities(&self, config: &ProviderConfig) -> Capabilities {
        if let Some(kind) = self.file_kind(config) {
            return capabilities_of(&kind.config);
        }
        // What it can do does not follow from the values of its credentials.
        let names = config.credentials.keys().map(|name| (name.as_str(), "x")).collect();
        read(config, &names).map_or_else(|_| capabilities(), |agent| capabilities_of(&agent))
    }

    fn build(&self, config: &ProviderConfig, credentials: Credentials) -> Result<Arc<dyn AgentProvider>, ConfigFault> {
        let kind = if let Some(kind) = self.file_kind(config) {
            kind.clone()
        } else {
            let agent = read(config, &revealed(&credentials))?;
            // All revisions share their places.
            let places = self.agents().seats.of(config.name.as_str(), agent.at_once);
            Kind { config: Arc::new(agent), places }
        };
        Ok(Arc::new(Configured { agents: Arc::clone(self.agents()), kind }))
    }

    async fn test(&self, config: &ProviderConfig, credentials: Credentials) -> Result<ProviderTrial, TrialFailed> {
        let agent = match self.file_kind(config) {
            Some(kind) => AgentConfig::clone(&kind.config),
            None => read(config, &revealed(&credentials)).map_err(|fault| TrialFailed(fault.to_string()))?,
        };
        trial::run(self.agents(), &agent).await
    }

    fn of_file(&self) -> Vec<ProviderConfig> {
        self.agents().kinds().filter_map(|kind| shown(&kind.config)).collect()
    }
}

impl AcpProvider {
    /// The agent of a configuration of the file.
    fn file_kind(&self, config: &ProviderConfig) -> Option<&Kind> {
        self.agents().of_file(config.name.as_str()).filter(|_| config.changed.is_none())
    }
}

/// What readers see of an agent of the file: no value of a variable or header, any of which may be a secret, and no
/// argument, for the same reason.
fn shown(agent: &AgentConfig) -> Option<ProviderConfig> {
    let hidden = Value::from(HIDDEN);
    let names = |names: Vec<String>| names.into_iter().map(|name| (name, hidden.clone())).collect();
    let mut settings = serde_json::Map::new();
    settings.insert("command".to_owned(), agent.command.clone().into());
    if !agent.args.is_empty() {
        settings.insert("args".to_owned(), agent.args.iter().map(|_| hidden.clone()).collect());
    }
    if let Some(cwd) = &agent.cwd {
        settings.insert("cwd".to_owned(), cwd.display().to_string().into());
    }
    if !agent.roots.is_empty() {
        settings.insert("roots".to_owned(), agent.roots.iter().map(|root| root.display().to_string()).collect());
    }
    settings.insert("worktree".to_owned(), agent.worktree.into());
    settings.insert("worktree_optional".to_owned(), agent.worktree_optional.into());
    settings.insert("env".to_owned(), Value::Object(names(agent.env.keys().cloned().collect())));
    settings.insert("steer".to_owned(), agent.steer.into());
    for (key, value) in [("model", &agent.settings.model), ("mode", &agent.settings.mode)] {
        if let Some(value) = value {
            settings.insert(key.to_owned(), value.clone().into());
        }
    }
    let servers =
        agent.settings.mcp_servers.iter().filter_map(|server| server.get("name")?.as_str().map(str::to_owned));
    let servers: Vec<String> = servers.collect();
    if !servers.is_empty() {
        settings.insert("mcp_servers".to_owned(), Value::Object(names(servers)));
    }
    Some(ProviderConfig {
        name: ConfigName::new(agent.name.as_str()).ok()?,
        kind: ProviderName::acp(),
        display_name: None,
        enabled: true,
        settings: JsonObject::new(settings).unwrap_or_default(),
        credentials: BTreeMap::new(),
        labels: BTreeSet::new(),
        limits: ConfigLimits { at_once: u32::try_from(agent.at_once).ok(), budget: None, ..ConfigLimits::default() },
        revision: 0,
        changed: None,
    })
}

/// The provider of one configuration. Its agents are at work beside all others of the kind.
struct Configured {
    agents: Arc<Agents>,
    kind: Kind,
}

#[async_trait]
impl AgentProvider for Configured {
    fn name(&self) -> ProviderName {
        ProviderName::acp()
    }

    fn capabilities(&self) -> Capabilities {
        capabilities_of(&self.kind.config)
    }

    async fn check(&self, _agent_type: &AgentType, context: &JsonObject) -> Result<(), SpawnError> {
        self.kind.check(context).await
    }

    fn takes_up(&self, context: &JsonObject) -> Option<ProviderSessionId> {
        crate::settings::taken_up(context)
    }

    async fn spawn(&self, session: &Session, prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        self.agents.spawn(session, self.kind.clone(), prompt)
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.agents.deliver(command, message).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(settings: Value) -> ProviderConfig {
        ProviderConfig {
            name: ConfigName::new("claude").expect("valid"),
            kind: ProviderName::acp(),
            display_name: None,
            enabled: true,
            settings: serde_json::from_value(settings).expect("an object"),
            credentials: BTreeMap::new(),
            labels: BTreeSet::new(),
            limits: ConfigLimits { at_once: Some(3), budget: None, ..ConfigLimits::default() },
            revision: 1,
            changed: None,
        }
    }

    #[test]
    fn credentials_are_variables_and_stand_where_servers_of_tools_name_them() {
        let settings = json!({"command": "c", "env": {"A": "1"}, "mcp_servers": {
            "db": {"command": "d", "env": {"KEY": "credential:TOKEN", "PLAIN": "x"}},
            "web": {"url": "https://x", "headers": {"Authorization": "credential:TOKEN"}}}});
        let agent = read(&config(settings.clone()), &BTreeMap::from([("TOKEN", "hush")])).expect("valid");
        let variables = Workplace::default().variables(&agent);
        assert_eq!((variables["TOKEN"].as_str(), variables["A"].as_str(), agent.at_once), ("hush", "1", 3));
        let servers = serde_json::to_string(&agent.settings.mcp_servers).expect("JSON");
        assert_eq!(servers.matches("hush").count(), 2);
        assert!(
            !format!("{:?}{:?}", agent.env, agent.credentials).contains("hush"),
            "variables do not show their values"
        );
        let none = serde_json::from_value(json!({"env": []})).expect("an object");
        let none = Workplace::read(&agent, &none).expect("valid").variables(&agent);
        assert_eq!((none.get("TOKEN"), none["A"].as_str()), (None, "1"), "a session may do without");
        let missing = read(&config(settings), &BTreeMap::new()).expect_err("no such credential");
        assert!(missing.field.starts_with("settings.mcp_servers."), "{missing}");
        assert!(missing.problem.contains("TOKEN"), "{missing}");
    }

    #[test]
    fn what_the_schema_cannot_say_is_told_of_its_field() {
        for (settings, field) in [
            (json!({"command": " "}), "settings.command"),
            (json!({"command": "c", "worktree": true}), "settings.worktree"),
            (json!({"command": "c", "roots": ["."]}), "settings.roots"),
            (json!({"command": "c", "env": {"A=B": "1"}}), "settings.env"),
            (json!({"command": "c", "mcp_servers": {"db": {}}}), "settings.mcp_servers"),
        ] {
            assert_eq!(read(&config(settings), &BTreeMap::new()).expect_err("wrong").field, field);
        }
    }

    #[test]
    fn nothing_of_the_file_that_may_be_a_secret_is_shown() {
        let table = json!({"command": "c", "args": ["--key", "canary-1"], "env": {"TOKEN": "canary-2"},
            "mcp_servers": {"web": {"url": "https://canary-3@x", "headers": {"A": "canary-4"}}},
            "options": {"key": "canary-5"}});
        let agent = AgentConfig::read("file", table, |_| None).expect("valid");
        let shown = shown(&agent).expect("a name");
        assert_eq!((shown.revision, shown.changed.is_none()), (0, true));
        let text = format!("{shown:?} {agent:?}");
        let told = serde_json::to_string(&shown.settings).expect("JSON");
        assert!(!told.contains("canary") && told.contains("TOKEN") && told.contains("web"), "{told}");
        assert!(!text.contains("canary-2"), "{text}");
    }
}
