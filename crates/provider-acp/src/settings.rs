//! How an agent's session is set: by the configuration, and by what a session was given as its `context`.

use std::collections::BTreeMap;

use flightdeck_domain::ports::SpawnError;
use flightdeck_domain::text::{JsonObject, ProviderSessionId};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config::AgentConfig;
use crate::peer::Opening;

/// What is heeded of a context, besides nothing else.
const KNOWN: [&str; 9] = ["resume", "authenticate", "model", "mode", "options", "mcpServers", "cwd", "worktree", "env"];
/// The longest name of a model, mode, method or session, in bytes.
const LONGEST: usize = 200;

/// How sessions are set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The method by which the agent authenticates itself before a session is opened.
    pub authenticate: Option<String>,
    /// The model, by the agent's name of it.
    pub model: Option<String>,
    /// The mode, by the agent's name of it.
    pub mode: Option<String>,
    /// Values of the agent's configuration options, by their ids.
    pub options: Map<String, Value>,
    /// Servers of tools, as the protocol writes them.
    pub mcp_servers: Vec<Value>,
}

/// A server of tools, as the configuration writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpServer {
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    url: Option<String>,
    /// `http` or `sse`.
    #[serde(rename = "type")]
    kind: Option<UrlKind>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UrlKind {
    #[default]
    Http,
    Sse,
}

impl McpServer {
    /// As the protocol writes it. The error names the key.
    pub(crate) fn written(self, name: &str) -> Result<Value, String> {
        let pairs = |pairs: BTreeMap<String, String>| -> Vec<Value> {
            pairs.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
        };
        match (self.command, self.url) {
            (Some(command), None) if !command.trim().is_empty() => {
                if self.kind.is_some() || !self.headers.is_empty() {
                    return Err(format!("mcp_servers.{name} is a program, which has neither type nor headers"));
                }
                Ok(json!({"name": name, "command": command, "args": self.args, "env": pairs(self.env)}))
            }
            (None, Some(url)) if !url.trim().is_empty() => {
                if !self.args.is_empty() || !self.env.is_empty() {
                    return Err(format!("mcp_servers.{name} has a url, and neither args nor env"));
                }
                let kind = match self.kind.unwrap_or_default() {
                    UrlKind::Http => "http",
                    UrlKind::Sse => "sse",
                };
                Ok(json!({"type": kind, "name": name, "url": url, "headers": pairs(self.headers)}))
            }
            _ => Err(format!("mcp_servers.{name} needs either command or url")),
        }
    }
}

impl Settings {
    /// What is wrong with it: the key, and what would be right.
    pub(crate) fn check(&self) -> Result<(), (String, String)> {
        let names = [("authenticate", &self.authenticate), ("model", &self.model), ("mode", &self.mode)];
        for (key, name) in names {
            if let Some(name) = name
                && (name.trim().is_empty() || name.len() > LONGEST)
            {
                return Err((key.to_owned(), format!("must be a text of 1 to {LONGEST} bytes")));
            }
        }
        let plain = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
        match self.options.iter().find(|(_, value)| !plain(value)) {
            Some((option, _)) => {
                Err((format!("options.{option}"), "must be a text, a number or true or false".to_owned()))
            }
            None => Ok(()),
        }
    }
}

/// How a session of this agent with this context is opened, but for the folder.
pub(crate) fn opening(config: &AgentConfig, context: &JsonObject) -> Result<Opening, SpawnError> {
    let context = context.as_map();
    if let Some(key) = context.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        return Err(invalid(key, format!("is not known to agents of the provider acp, which heed {known}")));
    }
    let name = |key: &str, what: &str| match context.get(key) {
        None => Ok(None),
        Some(Value::String(name)) if !name.trim().is_empty() && name.len() <= LONGEST => Ok(Some(name.clone())),
        Some(_) => Err(invalid(key, format!("must be {what}, a text of at most {LONGEST} bytes"))),
    };
    let defaults = &config.settings;
    let mut settings = Settings {
        authenticate: name("authenticate", "the agent's id of a method")?.or_else(|| defaults.authenticate.clone()),
        model: name("model", "the agent's name of a model")?.or_else(|| defaults.model.clone()),
        mode: name("mode", "the agent's name of a mode")?.or_else(|| defaults.mode.clone()),
        options: defaults.options.clone(),
        mcp_servers: defaults.mcp_servers.clone(),
    };
    match context.get("options") {
        None => {}
        Some(Value::Object(options)) => settings.options.extend(options.clone()),
        Some(_) => return Err(invalid("options", "must be an object: a value for each option".to_owned())),
    }
    settings.check().map_err(|(key, problem)| invalid(&key, problem))?;
    match context.get("mcpServers") {
        None => {}
        Some(Value::Array(servers)) => {
            for (place, server) in servers.iter().enumerate() {
                let server = by_url(server).map_err(|problem| invalid(&format!("mcpServers.{place}"), problem))?;
                let name = |server: &Value| server.get("name").cloned();
                settings.mcp_servers.retain(|known| name(known) != name(&server));
                settings.mcp_servers.push(server);
            }
        }
        Some(_) => return Err(invalid("mcpServers", "must be an array of servers".to_owned())),
    }
    let Settings { authenticate, model, mode, options, mcp_servers } = settings;
    let resume = name("resume", "the agent's own id of an earlier session")?;
    Ok(Opening { resume, authenticate, model, mode, options, mcp_servers, ..Opening::default() })
}

/// A server of a request. One that is a program would be started here, and only the configuration may start programs.
fn by_url(server: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ByUrl {
        name: String,
        url: String,
        #[serde(rename = "type", default)]
        kind: UrlKind,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    }
    if server.get("command").is_some() {
        return Err(
            "starts a program, which only the configuration may: give it in mcp_servers of the agent".to_owned()
        );
    }
    let ByUrl { name, url, kind, headers } = ByUrl::deserialize(server)
        .map_err(|error| format!("is no server with name, url, type and headers: {error}"))?;
    if name.trim().is_empty() {
        return Err("needs a name".to_owned());
    }
    let given =
        McpServer { command: None, args: Vec::new(), env: BTreeMap::new(), url: Some(url), kind: Some(kind), headers };
    given.written(&name)
}

/// The agent's own id of the session that a context takes up.
pub(crate) fn taken_up(context: &JsonObject) -> Option<ProviderSessionId> {
    ProviderSessionId::resumed(context)
}

/// What is wrong with a member of a context.
pub(crate) fn invalid(key: &str, problem: String) -> SpawnError {
    SpawnError::Invalid { field: format!("context.{key}").into(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> AgentConfig {
        let settings = Settings {
            model: Some("small".to_owned()),
            options: Map::from_iter([("effort".to_owned(), json!("low"))]),
            mcp_servers: vec![json!({"name": "db", "command": "db-mcp", "args": [], "env": []})],
            ..Settings::default()
        };
        AgentConfig { settings, ..AgentConfig::new("a", "a", Vec::new()) }
    }

    fn read(context: Value) -> Result<Opening, String> {
        let context = serde_json::from_value(context).expect("an object");
        opening(&config(), &context).map_err(|error| error.to_string())
    }

    #[test]
    fn a_context_goes_before_the_configuration() {
        let opening = read(json!({"model": "large", "mode": "plan", "options": {"fast": true}, "resume": "s",
            "mcpServers": [{"name": "web", "url": "https://x/mcp", "headers": {"A": "b"}}]}))
        .expect("valid");
        assert_eq!((opening.model.as_deref(), opening.mode.as_deref()), (Some("large"), Some("plan")));
        assert_eq!(Value::Object(opening.options), json!({"effort": "low", "fast": true}));
        let web =
            json!({"type": "http", "name": "web", "url": "https://x/mcp", "headers": [{"name": "A", "value": "b"}]});
        assert_eq!(opening.mcp_servers[1], web);
        assert_eq!(read(json!({})).expect("valid").model.as_deref(), Some("small"));
    }

    #[test]
    fn what_would_be_ignored_or_makes_no_sense_is_refused_by_name() {
        let cases = [
            (
                json!({"temperature": 1}),
                "context.temperature: is not known to agents of the provider acp, which heed resume,",
            ),
            (json!({"model": 7}), "context.model: must be the agent's name of a model"),
            (json!({"resume": ""}), "context.resume: must be the agent's own id"),
            (json!({"options": []}), "context.options: must be an object"),
            (json!({"options": {"x": {}}}), "context.options.x: must be a text"),
            (json!({"mcpServers": {}}), "context.mcpServers: must be an array"),
            (json!({"mcpServers": [{"name": "x", "command": "rm"}]}), "context.mcpServers.0: starts a program"),
            (json!({"mcpServers": [{"name": "x", "uri": "y"}]}), "context.mcpServers.0: is no server"),
        ];
        for (context, expected) in cases {
            let told = read(context).expect_err("refused");
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
