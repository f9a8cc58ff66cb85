//! How an agent is made ready: who it is, its session, and how it is set.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Introduction;
use super::calls::{CallError, Calls};
use super::choosing::set;
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
    calls.opened(&session, state);
    set(calls, &opening).await?;
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
    pub(super) fn because(what: &str, error: &CallError, hint: &str) -> Self {
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
