//! One configuration: shown, set, removed, tried out.

use flightdeck_client::replies::{ProviderConfig, ProviderTrial};
use flightdeck_client::{ClientError, Reply, encode};
use flightdeck_terminal::{Out, Outcome, line};
use serde_json::{Map, Value, json};

use crate::ask::{begin, confirm};
use crate::commands::facts;
use crate::commands::given::{credentials, settings};
use crate::error::CommandError;
use crate::grammar::{Asking, FailLostAfter, ProviderSetArgs};
use crate::operator::operator;

fn path(name: &str) -> String {
    format!("/providers/{}", encode(name))
}

pub(super) fn show(name: &str, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    told(out, &client.get(&path(name))?)
}

pub(super) fn remove(name: &str, reason: Option<&str>, yes: bool, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let found = client.get(&path(name))?;
    confirm(&format!("remove provider configuration {}?", line(name)), yes)?;
    let reply = client.delete_known(&path(name), &with_reason(Map::new(), reason), tag(&found))?;
    if out.json {
        out.json(&reply.body);
    } else {
        out.line(&format!("{} is removed; agents that were started from it go on", line(name)));
    }
    Ok(())
}

pub(super) fn test(name: &str, reason: Option<&str>, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let reply = client.post_once(&format!("{}/test", path(name)), &with_reason(Map::new(), reason))?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let trial: ProviderTrial = reply.read()?;
    let agent = trial.agent.as_deref().map_or_else(|| "an agent without a name".to_owned(), line);
    match (trial.started, trial.offers.as_slice()) {
        (false, _) => out.line("nothing was started: its agents are not programs of the server"),
        (true, []) => out.line(&format!("{agent} was started, introduced itself and was ended")),
        (true, offers) => {
            out.line(&format!("{agent} was started, introduced itself and was ended"));
            out.line(&format!("it can: {}", line(&offers.join(", "))));
        }
    }
    Ok(())
}

pub(super) fn set(args: &ProviderSetArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let name = &args.named.name;
    let found = match client.get(&path(name)) {
        Ok(found) => Some(found),
        Err(ClientError::Refused { status: 404, .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let before = found.as_ref().map(Reply::read::<ProviderConfig>).transpose()?;
    let body = body(args, before.as_ref())?;
    let known = match (args.revision, &found) {
        (Some(revision), _) => Some(format!("\"{revision}\"")),
        (None, Some(found)) => tag(found).map(str::to_owned),
        (None, None) => None,
    };
    told(out, &client.put_known(&path(name), &body, known.as_deref())?)
}

/// The revision, as it is sent back.
fn tag(reply: &Reply) -> Option<&str> {
    reply.header("etag")
}

fn with_reason(mut body: Map<String, Value>, reason: Option<&str>) -> Value {
    if let Some(reason) = reason {
        body.insert("reason".to_owned(), reason.into());
    }
    Value::Object(body)
}

/// The limit whose null says something.
const FAIL_LOST_AFTER: &str = "failLostAfterSecs";

/// The whole configuration: what it is, with what was given over it.
fn body(args: &ProviderSetArgs, before: Option<&ProviderConfig>) -> Result<Value, CommandError> {
    let usage = |text: String| CommandError::Usage(text);
    let kind = args.kind.clone().or_else(|| before.map(|before| before.kind.clone()));
    let kind = kind.ok_or_else(|| usage("--kind: say what runs the agents of a new configuration".to_owned()))?;
    let settings = settings(&args.given, before.map(|before| before.settings.clone()))?;
    let mut limits = before.map(|before| before.limits.clone()).unwrap_or_default();
    // There, null means never; a limit that is not set is null elsewhere.
    limits.retain(|name, value| !value.is_null() || name == FAIL_LOST_AFTER);
    let fail_lost_after = args.fail_lost_after_secs.map(|after| match after {
        FailLostAfter::Secs(secs) => secs.into(),
        FailLostAfter::Never => Value::Null,
    });
    let given = [
        ("atOnce", args.at_once.map(Value::from)),
        ("maxCostUsd", args.max_cost.map(Value::from)),
        ("maxTokens", args.max_tokens.map(Value::from)),
        (FAIL_LOST_AFTER, fail_lost_after),
        ("requeue", args.requeue.map(Value::from)),
    ];
    limits.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    let enabled = match (args.enable, args.disable) {
        (true, _) => true,
        (_, true) => false,
        _ => before.is_none_or(|before| before.enabled),
    };
    let labels: Vec<String> = if args.labels.is_empty() {
        before.map(|before| before.labels.clone()).unwrap_or_default()
    } else {
        args.labels.iter().filter(|label| !label.is_empty()).cloned().collect()
    };
    let mut body = Map::new();
    body.insert("kind".to_owned(), kind.into());
    let display_name = args.display_name.clone().or_else(|| before.and_then(|before| before.display_name.clone()));
    if let Some(display_name) = display_name {
        body.insert("displayName".to_owned(), display_name.into());
    }
    body.insert("enabled".to_owned(), enabled.into());
    body.insert("settings".to_owned(), Value::Object(settings));
    body.insert("credentials".to_owned(), Value::Object(credentials(&args.given)?));
    body.insert("labels".to_owned(), json!(labels));
    body.insert("limits".to_owned(), Value::Object(limits));
    Ok(with_reason(body, args.why.reason.as_deref()))
}

fn told(out: Out, reply: &Reply) -> Outcome {
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let config: ProviderConfig = reply.read()?;
    let list = |list: &[String]| Some(list.join(", ")).filter(|text| !text.is_empty());
    let object = |map: &Map<String, Value>| {
        let given: Map<String, Value> = map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        (!given.is_empty()).then(|| Value::Object(given).to_string())
    };
    let state = match (&config.hindrance, config.enabled) {
        (Some(hindrance), _) => hindrance.clone(),
        (None, true) => "enabled".to_owned(),
        (None, false) => "disabled".to_owned(),
    };
    let facts = [
        ("name", Some(config.name)),
        ("called", config.display_name),
        ("kind", Some(config.kind)),
        ("state", Some(state)),
        ("settings", object(&config.settings)),
        ("credentials", list(&config.credentials)),
        ("labels", list(&config.labels)),
        ("limits", object(&config.limits)),
        ("source", Some(config.source)),
        ("revision", Some(config.revision.to_string())),
        ("changed by", config.changed_by.map(|id| operator(&id, config.changed_by_name.as_deref()))),
    ];
    facts::tell(out, 13, facts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn args(words: &[&str]) -> ProviderSetArgs {
        let command = ProviderSetArgs::augment_args(Command::new("set").no_binary_name(true));
        let matches = command.try_get_matches_from(words).expect("valid");
        ProviderSetArgs::from_arg_matches(&matches).expect("valid")
    }

    fn before() -> ProviderConfig {
        let before = json!({"name": "a", "kind": "acp", "displayName": "A", "enabled": true, "revision": 3,
            "settings": {"command": "c", "steer": true}, "credentials": ["T"], "labels": ["gpu"],
            "limits": {"atOnce": 2, "maxCostUsd": null}});
        serde_json::from_value(before).expect("a configuration")
    }

    #[test]
    fn what_is_not_given_stays() {
        let same = body(&args(&["a"]), Some(&before())).expect("valid");
        let expected = json!({"kind": "acp", "displayName": "A", "enabled": true, "settings": {"command": "c",
            "steer": true}, "credentials": {}, "labels": ["gpu"], "limits": {"atOnce": 2}});
        assert_eq!(same, expected);
        let words = [
            "a",
            "--disable",
            "--setting",
            "args=[\"acp\"]",
            "--setting",
            "steer=",
            "--setting",
            "model=large",
            "--label",
            "",
            "--at-once",
            "4",
            "--max-tokens",
            "9",
            "--remove-credential",
            "T",
            "--reason",
            "because",
        ];
        let changed = body(&args(&words), Some(&before())).expect("valid");
        let expected = json!({"kind": "acp", "displayName": "A", "enabled": false,
            "settings": {"command": "c", "args": ["acp"], "model": "large"}, "credentials": {"T": null}, "labels": [],
            "limits": {"atOnce": 4, "maxTokens": 9}, "reason": "because"});
        assert_eq!(changed, expected);
        assert!(body(&args(&["a"]), None).expect_err("no kind").to_string().starts_with("--kind"));
    }

    #[test]
    fn what_becomes_of_lost_sessions_is_given_and_stays() {
        let limits = |words: &[&str], before: Value| {
            let mut config = self::before();
            config.limits = serde_json::from_value(before).expect("an object");
            body(&args(&[&["a"], words].concat()), Some(&config)).expect("valid")["limits"].clone()
        };
        let never = json!({"failLostAfterSecs": null, "requeue": false, "maxTokens": null});
        assert_eq!(
            limits(&["--at-once", "3"], never),
            json!({"failLostAfterSecs": null, "requeue": false, "atOnce": 3})
        );
        let given = limits(&["--fail-lost-after-secs", "90", "--requeue", "no"], json!({}));
        assert_eq!(given, json!({"failLostAfterSecs": 90, "requeue": false}));
        let given = limits(&["--fail-lost-after-secs", "never", "--requeue", "true"], json!({"failLostAfterSecs": 9}));
        assert_eq!(given, json!({"failLostAfterSecs": null, "requeue": true}));
        let command = ProviderSetArgs::augment_args(Command::new("set").no_binary_name(true));
        let wrong = command.try_get_matches_from(["a", "--fail-lost-after-secs", "soon"]).expect_err("refused");
        assert!(wrong.to_string().contains("or never"), "{wrong}");
    }
}
