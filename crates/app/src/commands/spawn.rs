//! `flightdeck spawn`: has an agent started.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Map, Value, json};

use super::{begin, text};
use crate::cli::Outcome;
use crate::client::{self, ClientError, flags, tail_of, word};
use crate::terminal::line;

pub(crate) fn grammar() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("spawn")
        .about("Have an agent started; prints its id")
        .arg(option("provider", "PROVIDER", "what runs it, as `scripted`; `internal` when missing"))
        .arg(option("type", "TYPE", "what kind of agent it is").required(true))
        .arg(option("task", "TASK", "the work item").required(true))
        .arg(option("source", "SOURCE", "where the work item comes from; `manual` when missing"))
        .arg(option("parent", "ID", "the session that it is to be below"))
        .arg(option("mission", "MISSION", "the mission; that of its parent when missing"))
        .arg(option(
            "context",
            "JSON|@FILE",
            "what it is given to work with; what must be in it depends on the provider",
        ))
        .arg(option("metadata", "JSON|@FILE", "whatever else is to be kept"))
        .arg(Arg::new("prompt").value_name("PROMPT").help("what to tell it first; - reads standard input"))
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let mut body = Map::new();
    let names = [
        ("provider", "provider"),
        ("type", "agentType"),
        ("task", "taskId"),
        ("source", "taskSource"),
        ("mission", "missionId"),
    ];
    for (flag, field) in names {
        if let Some(value) = text(given, flag) {
            body.insert(field.to_owned(), value.into());
        }
    }
    for name in ["context", "metadata"] {
        if let Some(value) = text(given, name) {
            body.insert(name.to_owned(), object(name, value)?);
        }
    }
    if let Some(parent) = text(given, "parent") {
        body.insert("parentAgentId".to_owned(), client::session(&client, parent)?.into());
    }
    if let Some(prompt) = text(given, "prompt") {
        body.insert("prompt".to_owned(), said(prompt)?.into());
    }
    // A spawn that got no answer may have been done, and takes no idempotency key: it is not sent again.
    let reply = client.post_once("/agents/spawn", &Value::Object(body))?.body;
    if out.json {
        out.json(&reply);
    } else {
        let id = word(&reply, "agentId");
        out.line(&line(id));
        let told = format!("{}; look at it with: flightdeck logs -f {}", word(&reply, "status"), tail_of(id));
        crate::terminal::note(&line(&told));
    }
    Ok(())
}

/// JSON, or a file of it.
fn object(name: &str, given: &str) -> Result<Value, ClientError> {
    let read = match given.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(PathBuf::from(path))
            .map_err(|error| ClientError::Usage(format!("--{name}: cannot read {path}: {error}")))?,
        None => given.to_owned(),
    };
    match serde_json::from_str(&read) {
        Ok(Value::Object(object)) => Ok(json!(object)),
        Ok(_) => Err(ClientError::Usage(format!("--{name}: must be a JSON object"))),
        Err(error) => Err(ClientError::Usage(format!("--{name}: not JSON: {error}"))),
    }
}

/// What to say: the argument, or standard input.
pub(super) fn said(given: &str) -> Result<String, ClientError> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    std::io::read_to_string(std::io::stdin().lock())
        .map_err(|error| ClientError::Usage(format!("standard input is no text: {error}")))
}
