//! `flightdeck spawn`: has an agent started.

use flightdeck_client::ClientError;
use flightdeck_client::replies::{Session, Spawned};
use flightdeck_terminal::{Outcome, line, note};
use serde_json::{Map, Value};

use crate::ask::{begin, said};
use crate::error::CommandError;
use crate::grammar::SpawnArgs;
use crate::ids::{session, tail_of};

/// The provider of agents that run elsewhere and report by themselves.
const INTERNAL: &str = "internal";
/// The flag of each field of the body.
const FLAGS: [(&str, &str); 9] = [
    ("/provider", "--provider"),
    ("/agentType", "--type"),
    ("/taskId", "--task"),
    ("/taskSource", "--source"),
    ("/parentAgentId", "--parent"),
    ("/missionId", "--mission"),
    ("/context", "--context"),
    ("/metadata", "--metadata"),
    ("/prompt", "PROMPT"),
];

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
    let mut reply = client.post_once("/agents/spawn", &Value::Object(body)).map_err(in_flags)?;
    let spawned: Spawned = reply.read()?;
    // The agent is on its way, also when the server cannot tell a moment later what runs it.
    let session =
        client.get(&format!("/agents/{}/status", spawned.agent_id)).and_then(|reply| reply.read::<Session>()).ok();
    if out.json {
        if let (Value::Object(reply), Some(session)) = (&mut reply.body, &session) {
            let Session { provider, .. } = session;
            reply.insert("provider".to_owned(), provider.as_str().into());
        }
        out.json(&reply.body);
        return Ok(());
    }
    out.line(&line(&spawned.agent_id));
    if let Some(session) = &session {
        note(&line(&run_by(session)));
    }
    let tail = tail_of(&spawned.agent_id);
    note(&line(&format!("{}; look at it with: flightdeck logs -f {tail}", spawned.status)));
    Ok(())
}

/// What runs an agent, as far as the server tells: the provider, and the command and folder where they are known.
fn run_by(session: &Session) -> String {
    let Session { provider, session_id, agent_type, .. } = session;
    if provider == INTERNAL {
        return format!(
            "nothing runs it yet: the provider {INTERNAL} starts no process, and waits for a program that reports as \
             FLIGHTDECK_AGENT_ID={session_id}; to have one started, name another --provider"
        );
    }
    let known = |name: &str, what: &str| match [&session.context, &session.metadata]
        .into_iter()
        .find_map(|object| object.get(name))?
    {
        Value::String(value) => Some(format!(", {what} {value}")),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Some(format!(", {what} {}", words.join(" ")))
        }
        _ => None,
    };
    let (command, folder) = (known("command", "command"), known("cwd", "folder"));
    format!(
        "run by the provider {provider} (agent {agent_type}){}{}",
        command.unwrap_or_default(),
        folder.unwrap_or_default()
    )
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
        assert_eq!(flags_for_fields("/taskIdx: y"), "/taskIdx: y");
        assert_eq!(flags_for_fields("the kill switch is engaged"), "the kill switch is engaged");
    }

    fn session(provider: &str, context: &Value) -> Session {
        Session {
            session_id: "0198".to_owned(),
            provider: provider.to_owned(),
            agent_type: "robot".to_owned(),
            context: context.as_object().cloned().unwrap_or_default(),
            ..Session::default()
        }
    }

    #[test]
    fn what_runs_it_is_told_with_the_command_and_folder_where_they_are_known() {
        assert_eq!(run_by(&session("scripted", &json!({}))), "run by the provider scripted (agent robot)");
        assert_eq!(
            run_by(&session("acp", &json!({"command": ["claude", "acp"], "cwd": "/srv/ledger"}))),
            "run by the provider acp (agent robot), command claude acp, folder /srv/ledger"
        );
    }

    #[test]
    fn it_is_told_when_nothing_runs_it() {
        let told = run_by(&session(INTERNAL, &json!({})));
        assert!(told.starts_with("nothing runs it yet: ") && told.contains("FLIGHTDECK_AGENT_ID=0198;"), "{told}");
    }
}
