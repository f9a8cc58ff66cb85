//! How an agent is made ready: who it is, its session, and how it is set.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Introduction;
use super::calls::{CallError, Calls};
use crate::trial::offers;

/// Clocks may differ by so much in what they take for a minute.
const MARGIN: Duration = Duration::from_secs(1);

/// What a session is opened with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Opening {
    /// Where the agent works.
    pub(crate) cwd: PathBuf,
    /// The agent's own id of an earlier session that it is to take up.
    pub(crate) resume: Option<String>,
    /// How long the minute goes on in which that session began, if it does.
    pub(crate) minute_left: Option<Duration>,
    /// The method by which it authenticates itself first.
    pub(crate) authenticate: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) mode: Option<String>,
    /// Values of its configuration options.
    pub(crate) options: Map<String, Value>,
    /// Servers of tools, as the protocol writes them.
    pub(crate) mcp_servers: Vec<Value>,
}

/// Makes an agent ready. The error is a sentence.
pub(super) async fn open(calls: &Calls, opening: Opening) -> Result<Introduction, Failed> {
    let hello = json!({
        "protocolVersion": 1,
        "clientCapabilities": {"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false,
            "elicitation": {"form": {}}},
        "clientInfo": {"name": "flightdeck", "title": "Flightdeck", "version": env!("CARGO_PKG_VERSION")},
    });
    let hello = calls.call("initialize", hello).await.map_err(|error| failed("initialize", &error))?;
    if let Some(method) = &opening.authenticate {
        let done = calls.call("authenticate", json!({"methodId": method})).await;
        done.map_err(|error| Failed::because(&format!("authenticate by {method}"), &error, &offered_methods(&hello)))?;
    }
    let (session, state) = session(calls, &hello, &opening).await?;
    calls.opened(&session);
    set(calls, &session, &state, &opening).await?;
    let agent = hello.get("agentInfo").and_then(|info| {
        let word = |name| info.get(name).and_then(Value::as_str).filter(|word| !word.trim().is_empty());
        Some([word("name")?, word("version").unwrap_or_default()].join(" ").trim().to_owned())
    });
    Ok(Introduction { session, agent, offers: offers(&hello), resumed: opening.resume.is_some() })
}

/// Why an agent could not be made ready.
pub(super) enum Failed {
    /// It is gone; how, is heard otherwise.
    Gone,
    Because(String),
}

impl Failed {
    fn because(what: &str, error: &CallError, hint: &str) -> Self {
        match error {
            CallError::Gone => Self::Gone,
            error => Self::Because(format!("{what}: {}{hint}", error.told())),
        }
    }
}

fn failed(what: &str, error: &CallError) -> Failed {
    Failed::because(what, error, "")
}

/// Opens a session or takes up an earlier one; gives its id and what the agent says of it.
async fn session(calls: &Calls, hello: &Value, opening: &Opening) -> Result<(String, Value), Failed> {
    let with = |more: &[(&str, &str)]| {
        let mut params = json!({"cwd": opening.cwd, "mcpServers": opening.mcp_servers});
        for (name, value) in more {
            if let Value::Object(params) = &mut params {
                params.insert((*name).to_owned(), (*value).into());
            }
        }
        params
    };
    let can = hello.get("agentCapabilities").unwrap_or(&Value::Null);
    for server in &opening.mcp_servers {
        let word = |name| server.get(name).and_then(Value::as_str);
        if let Some(kind) = word("type")
            && !can.get("mcpCapabilities").and_then(|can| can.get(kind)?.as_bool()).unwrap_or(false)
        {
            let name = word("name").unwrap_or_default();
            return Err(Failed::Because(format!("it cannot use MCP servers over {kind}, as {name} is")));
        }
    }
    let Some(earlier) = &opening.resume else {
        let state = calls.call("session/new", with(&[])).await;
        let state = state.map_err(|error| Failed::because("session/new", &error, &offered_methods(hello)))?;
        let id = state.get("sessionId").and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned);
        let id = id.ok_or_else(|| Failed::Because("session/new: it did not say which session it opened".to_owned()))?;
        return Ok((id, state));
    };
    let loads = can.get("loadSession").and_then(Value::as_bool).unwrap_or(false);
    let resumes = can.get("sessionCapabilities").and_then(|can| can.get("resume")).is_some_and(|can| !can.is_null());
    let method = match (loads, resumes) {
        (true, _) => "session/load",
        // It goes on without repeating what was said.
        (false, true) => "session/resume",
        (false, false) => return Err(Failed::Because("this agent cannot take up an earlier session".to_owned())),
    };
    let gemini = hello.get("agentInfo").and_then(|info| info.get("name")).and_then(Value::as_str) == Some("gemini-cli");
    // It names the file of a session by the minute and writes into it before it looks for the session: within the minute in
    // which the session began it would lose it.
    if gemini && let Some(left) = opening.minute_left {
        tokio::time::sleep(left + MARGIN).await;
    }
    let state = calls.call(method, with(&[("sessionId", earlier)])).await;
    let hint = if gemini { " (it loses a session that is taken up within the minute in which it began)" } else { "" };
    let state = state.map_err(|error| Failed::because(&format!("{method} {earlier}"), &error, hint))?;
    Ok((earlier.clone(), state))
}

/// An agent that wants to be authenticated says by which methods it can be.
fn offered_methods(hello: &Value) -> String {
    let ids = hello.get("authMethods").and_then(Value::as_array).into_iter().flatten();
    let ids: Vec<&str> = ids.filter_map(|method| method.get("id")?.as_str()).collect();
    if ids.is_empty() { String::new() } else { format!(" (it can be authenticated by {})", ids.join(", ")) }
}

/// Sets model, mode and options. What cannot be set ends the opening: an agent in another mode may do what it should not.
async fn set(calls: &Calls, session: &str, state: &Value, opening: &Opening) -> Result<(), Failed> {
    if let Some(model) = &opening.model {
        let (method, params) = match (config_option(state, "model"), state.get("models").filter(|m| !m.is_null())) {
            (Some(option), _) => ("session/set_config_option", json!({"configId": option, "value": model})),
            (None, Some(_)) => ("session/set_model", json!({"modelId": model})),
            (None, None) => return Err(Failed::Because("it lets nobody choose its model".to_owned())),
        };
        change(calls, session, method, params, &format!("model {model}"), models(state)).await?;
    }
    if let Some(mode) = &opening.mode {
        let (method, params) = match (state.get("modes").filter(|m| !m.is_null()), config_option(state, "mode")) {
            (Some(_), _) => ("session/set_mode", json!({"modeId": mode})),
            (None, Some(option)) => ("session/set_config_option", json!({"configId": option, "value": mode})),
            (None, None) => return Err(Failed::Because("it has no modes".to_owned())),
        };
        change(calls, session, method, params, &format!("mode {mode}"), modes(state)).await?;
    }
    for (option, value) in &opening.options {
        let mut params = json!({"configId": option, "value": value});
        if value.is_boolean()
            && let Value::Object(params) = &mut params
        {
            params.insert("type".to_owned(), "boolean".into());
        }
        let known = options(state).filter_map(|option| option.get("id")?.as_str()).collect();
        change(calls, session, "session/set_config_option", params, &format!("option {option} = {value}"), known)
            .await?;
    }
    Ok(())
}

async fn change(
    calls: &Calls,
    session: &str,
    method: &str,
    mut params: Value,
    what: &str,
    known: Vec<&str>,
) -> Result<(), Failed> {
    if let Value::Object(params) = &mut params {
        params.insert("sessionId".to_owned(), session.into());
    }
    let hint = if known.is_empty() { String::new() } else { format!("; it offers {}", known.join(", ")) };
    match calls.call(method, params).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failed::because(&format!("{what} was refused"), &error, &hint)),
    }
}

fn options(state: &Value) -> impl Iterator<Item = &Value> {
    state.get("configOptions").and_then(Value::as_array).into_iter().flatten()
}

/// The option of this category, or of this name.
fn config_option<'a>(state: &'a Value, category: &str) -> Option<&'a str> {
    let is = |option: &&Value, name: &str| option.get(name).and_then(Value::as_str) == Some(category);
    let found = options(state).find(|option| is(option, "category")).or_else(|| options(state).find(|o| is(o, "id")));
    found?.get("id")?.as_str()
}

/// The values that an option offers, also where they are in groups.
fn values<'a>(state: &'a Value, category: &str) -> Vec<&'a str> {
    let id = config_option(state, category);
    let option = options(state).find(|option| option.get("id").and_then(Value::as_str) == id);
    let offered = option.and_then(|option| option.get("options")).and_then(Value::as_array).into_iter().flatten();
    let flat = offered.flat_map(|one| match one.get("options").and_then(Value::as_array) {
        Some(group) => group.iter().collect::<Vec<_>>(),
        None => vec![one],
    });
    flat.filter_map(|one| one.get("value")?.as_str()).collect()
}

fn ids<'a>(state: &'a Value, of: &str, list: &str, id: &str) -> Vec<&'a str> {
    let list = state.get(of).and_then(|of| of.get(list)).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| one.get(id)?.as_str()).collect()
}

fn models(state: &Value) -> Vec<&str> {
    let known = values(state, "model");
    if known.is_empty() { ids(state, "models", "availableModels", "modelId") } else { known }
}

fn modes(state: &Value) -> Vec<&str> {
    let known = ids(state, "modes", "availableModes", "id");
    if known.is_empty() { values(state, "mode") } else { known }
}
