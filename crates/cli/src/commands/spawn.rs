//! `flightdeck spawn`: has an agent started.

use flightdeck_client::ClientError;
use flightdeck_client::replies::Spawned;
use flightdeck_terminal::{Outcome, line, note};
use serde_json::{Map, Value};

use super::INTERNAL;
use super::choice::provider_for;
use crate::ask::{begin, said};
use crate::error::CommandError;
use crate::grammar::SpawnArgs;
use crate::ids::{session, tail_of};

/// The flag of each field of the body.
const FLAGS: [(&str, &str); 14] = [
    ("/provider", "--provider"),
    ("/agentType", "--type"),
    ("/taskId", "--task"),
    ("/taskSource", "--source"),
    ("/parentAgentId", "--parent"),
    ("/missionId", "--mission"),
    ("/options/model", "--model"),
    ("/options/mode", "--mode"),
    ("/options/cwd", "--cwd"),
    ("/options/worktree", "--worktree"),
    ("/options/env", "--env"),
    ("/context", "--context"),
    ("/metadata", "--metadata"),
    ("/prompt", "PROMPT"),
];

pub(super) fn run(args: &SpawnArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let mut body = Map::new();
    let texts = [
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
    if let Some(options) = options(args) {
        body.insert("options".to_owned(), options);
    }
    let provider = match &args.provider {
        Some(named) => named.clone(),
        None => provider_for(&client, &args.agent_type)?,
    };
    body.insert("provider".to_owned(), provider.as_str().into());
    if let Some(parent) = &args.parent {
        body.insert("parentAgentId".to_owned(), session(&client, parent)?.into());
    }
    if let Some(prompt) = &args.prompt {
        body.insert("prompt".to_owned(), said(prompt)?.into());
    }
    // A spawn that got no answer may have been done, and takes no idempotency key: it is not sent again.
    let mut reply = client.post_once("/agents/spawn", &Value::Object(body)).map_err(in_flags)?;
    let spawned: Spawned = reply.read()?;
    if out.json {
        if let Value::Object(reply) = &mut reply.body {
            reply.insert("provider".to_owned(), provider.into());
        }
        out.json(&reply.body);
        return Ok(());
    }
    out.line(&line(&spawned.agent_id));
    note(&line(&run_by(&provider, &args.agent_type, &spawned.agent_id)));
    let tail = tail_of(&spawned.agent_id);
    note(&line(&format!("{}; look at it with: flightdeck logs -f {tail}", spawned.status)));
    Ok(())
}

/// What is set for this session; `None` when nothing is.
fn options(args: &SpawnArgs) -> Option<Value> {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let env = (!args.env.is_empty()).then(|| args.env.clone().into());
    let all = [
        ("model", text(&args.model)),
        ("mode", text(&args.mode)),
        ("cwd", text(&args.cwd)),
        ("worktree", args.worktree.map(Value::from)),
        ("env", env),
    ];
    let given: Map<String, Value> =
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    (!given.is_empty()).then_some(Value::Object(given))
}

/// What runs the agent.
fn run_by(provider: &str, agent_type: &str, agent_id: &str) -> String {
    if provider == INTERNAL {
        return format!(
            "nothing runs it yet: the provider {INTERNAL} starts no process, and waits for a program that reports as \
             FLIGHTDECK_AGENT_ID={agent_id}"
        );
    }
    format!("run by the provider {provider} (agent {agent_type})")
}

/// The same refusal in the words of the command line: the server names fields of the body, the operator typed flags.
fn in_flags(error: ClientError) -> ClientError {
    match error {
        ClientError::Refused { status, kind, detail } => {
            ClientError::Refused { status, kind, detail: flags_for_fields(&detail) }
        }
        other => other,
    }
}

fn flags_for_fields(detail: &str) -> String {
    let named = FLAGS.iter().find_map(|(field, flag)| {
        let rest = detail.strip_prefix(field)?;
        match rest.chars().next() {
            Some(':') => Some(format!("{flag}{rest}")),
            // Something inside the value.
            Some('/') => Some(format!("{flag}: {rest}")),
            _ => None,
        }
    });
    named.unwrap_or_else(|| detail.to_owned())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_the_flag() {
        assert_eq!(
            flags_for_fields("/provider: there is no provider \"x\"; this server has internal"),
            "--provider: there is no provider \"x\"; this server has internal"
        );
        assert_eq!(flags_for_fields("/context/script: is missing"), "--context: /script: is missing");
        assert_eq!(flags_for_fields("/options/model: is in the context, too"), "--model: is in the context, too");
        assert_eq!(flags_for_fields("/options/env/0: x"), "--env: /0: x");
        assert_eq!(flags_for_fields("/taskIdx: y"), "/taskIdx: y");
        assert_eq!(flags_for_fields("the kill switch is engaged"), "the kill switch is engaged");
    }

    #[test]
    fn only_what_is_given_is_set() {
        let options = |flags: &[&str]| {
            #[derive(clap::Parser)]
            struct Line {
                #[command(flatten)]
                spawn: SpawnArgs,
            }
            let words = ["spawn", "--type", "t", "--task", "k"].iter().chain(flags);
            options(&<Line as clap::Parser>::try_parse_from(words).expect("valid").spawn)
        };
        assert_eq!(options(&["say hello"]), None);
        assert_eq!(options(&["--worktree", "say hello"]), Some(json!({"worktree": true})));
        let all =
            ["--model", "large", "--mode", "plan", "--cwd", "web", "--worktree=false", "--env", "A", "--env", "B"];
        let expected = json!({"model": "large", "mode": "plan", "cwd": "web", "worktree": false, "env": ["A", "B"]});
        assert_eq!(options(&all), Some(expected));
    }

    #[test]
    fn what_runs_it_is_told_and_so_is_that_nothing_does() {
        assert_eq!(run_by("acp", "opencode", "0198"), "run by the provider acp (agent opencode)");
        let told = run_by(INTERNAL, "robot", "0198");
        assert!(told.starts_with("nothing runs it yet: ") && told.ends_with("FLIGHTDECK_AGENT_ID=0198"), "{told}");
    }
}
