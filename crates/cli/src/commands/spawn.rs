//! `flightdeck spawn`: has an agent started.

use flightdeck_client::replies::Spawned;
use flightdeck_terminal::{Outcome, line, note};
use serde_json::{Map, Value};

use crate::ask::{begin, said};
use crate::error::CommandError;
use crate::grammar::SpawnArgs;
use crate::ids::{session, tail_of};

pub(super) fn run(args: &SpawnArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let mut body = Map::new();
    let texts = [
        ("provider", args.provider.as_deref()),
        ("agentType", Some(args.agent_type.as_str())),
        ("taskId", Some(args.task.as_str())),
        ("taskSource", args.source.as_deref()),
        ("missionId", args.mission.as_deref()),
    ];
    body.extend(texts.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?.into()))));
    for (name, value) in [("context", &args.context), ("metadata", &args.metadata)] {
        if let Some(value) = value {
            body.insert(name.to_owned(), object(name, value)?);
        }
    }
    if let Some(parent) = &args.parent {
        body.insert("parentAgentId".to_owned(), session(&client, parent)?.into());
    }
    if let Some(prompt) = &args.prompt {
        body.insert("prompt".to_owned(), said(prompt)?.into());
    }
    // A spawn that got no answer may have been done, and takes no idempotency key: it is not sent again.
    let reply = client.post_once("/agents/spawn", &Value::Object(body))?;
    if out.json {
        out.json(&reply.body);
    } else {
        let spawned: Spawned = reply.read()?;
        out.line(&line(&spawned.agent_id));
        let tail = tail_of(&spawned.agent_id);
        note(&line(&format!("{}; look at it with: flightdeck logs -f {tail}", spawned.status)));
    }
    Ok(())
}

/// JSON, or a file of it.
fn object(name: &str, given: &str) -> Result<Value, CommandError> {
    let read = match given.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| CommandError::Usage(format!("--{name}: cannot read {path}: {error}")))?,
        None => given.to_owned(),
    };
    match serde_json::from_str(&read) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err(CommandError::Usage(format!("--{name}: must be a JSON object"))),
        Err(error) => Err(CommandError::Usage(format!("--{name}: not JSON: {error}"))),
    }
}
