//! The settings of a configuration of the kind `acp`, as a schema that is published.

use flightdeck_domain::provider_config::SettingsSchema;
use serde_json::{Value, json};

/// The schema. What it allows is what [`crate::AgentConfig::read`] reads, but for `at_once`, which is a limit of every
/// kind; a test holds the two together.
pub(crate) fn schema() -> SettingsSchema {
    let seconds = |most: u64, what: &str| json!({"type": "integer", "minimum": 1, "maximum": most, "description": format!("seconds: {what}")});
    let name = |what: &str| json!({"type": "string", "minLength": 1, "maxLength": 200, "description": what});
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let at_least_one = |what: &str| json!({"type": "integer", "minimum": 1, "description": what});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An agent that speaks the Agent Client Protocol",
        "description": "Settings can be read by everybody who sees providers. Secrets belong into the credentials: each is \
            a variable of the agent's environment, and \"credential:NAME\" stands for one in env and headers of mcp_servers.",
        "type": "object",
        "additionalProperties": false,
        "required": ["command"],
        "properties": {
            "command": {"type": "string", "minLength": 1, "description": "the program; nothing is read by a shell"},
            "args": {"type": "array", "items": {"type": "string"}, "description": "its arguments"},
            "cwd": {"type": "string", "minLength": 1, "description": "the folder that it works in"},
            "roots": {"type": "array", "items": {"type": "string", "minLength": 1},
                "description": "absolute folders within which a session may choose the folder that it works in"},
            "worktree": {"type": "boolean", "description": "each session gets a git worktree of cwd of its own"},
            "worktree_optional": {"type": "boolean", "description": "a session may do without the worktree"},
            "env": texts.clone(),
            "pass_env": {"type": "array", "items": {"type": "string", "minLength": 1},
                "description": "variables of the server that it gets, too"},
            "cpu_seconds": at_least_one("processor time that it may use"),
            "memory_mb": at_least_one("memory that it may use"),
            "run_seconds": at_least_one("how long it may run"),
            "pause": {"enum": ["turn", "freeze"], "description": "where a pause takes effect"},
            "freeze_cap_seconds": seconds(86_400, "how long it may be frozen"),
            "steer": {"type": "boolean", "description": "it takes a prompt into a running turn"},
            "start_seconds": seconds(3_600, "how long it may take to be ready"),
            "cancel_seconds": seconds(600, "how long it may take to end a turn"),
            "term_seconds": seconds(600, "how long it may take to end"),
            "log_kb": {"type": "integer", "minimum": 1, "maximum": 1 << 20, "description": "how much of its standard error is kept"},
            "cgroup": {"type": "boolean", "description": "it gets a cgroup of its own where that is possible"},
            "usage": {"enum": ["turn", "session"], "description": "what the tokens are of that come with an answer"},
            "authenticate": name("the method by which it authenticates itself"),
            "model": name("its name of the model"),
            "mode": name("its name of the mode"),
            "options": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
            "mcp_servers": {"type": "object", "additionalProperties": {
                "type": "object", "additionalProperties": false,
                "properties": {
                    "command": {"type": "string", "minLength": 1},
                    "args": {"type": "array", "items": {"type": "string"}},
                    "env": texts.clone(),
                    "url": {"type": "string", "minLength": 1},
                    "type": {"enum": ["http", "sse"]},
                    "headers": texts,
                },
            }},
        },
    });
    SettingsSchema::built_in(schema)
}

/// The keys that the schema knows.
pub(crate) fn keys() -> Vec<String> {
    let schema = schema();
    let properties = schema.as_value().get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AgentConfig;

    fn reads(settings: &Value) -> Result<(), String> {
        AgentConfig::read("x", settings.clone(), |_| None).map(drop).map_err(|error| error.to_string())
    }

    fn fits(settings: &Value) -> bool {
        schema().faults(settings.as_object().expect("an object")).is_empty()
    }

    /// A value of each key that is good, and values that are not.
    fn samples() -> Vec<(&'static str, Value, Vec<Value>)> {
        let number = |most: u64| vec![json!(0), json!(most + 1), json!("1"), json!(-1)];
        let texts = json!({"A": "1"});
        vec![
            ("command", json!("c"), vec![json!(""), json!(7)]),
            ("args", json!(["a"]), vec![json!("a"), json!([1])]),
            ("cwd", json!("/tmp"), vec![json!(7)]),
            ("roots", json!(["/tmp"]), vec![json!("/tmp"), json!([""]), json!([1])]),
            ("worktree", json!(false), vec![json!("yes")]),
            ("worktree_optional", json!(true), vec![json!("yes")]),
            ("env", texts, vec![json!({"A": 1}), json!([])]),
            ("pass_env", json!(["A"]), vec![json!([1])]),
            ("cpu_seconds", json!(1), vec![json!(0), json!(1.5)]),
            ("memory_mb", json!(1), vec![json!(0)]),
            ("run_seconds", json!(1), vec![json!(0)]),
            ("pause", json!("freeze"), vec![json!("x"), json!(1)]),
            ("freeze_cap_seconds", json!(86_400), number(86_400)),
            ("steer", json!(true), vec![json!(1)]),
            ("start_seconds", json!(3_600), number(3_600)),
            ("cancel_seconds", json!(600), number(600)),
            ("term_seconds", json!(600), number(600)),
            ("log_kb", json!(1), number(1 << 20)),
            ("cgroup", json!(false), vec![json!("no")]),
            ("usage", json!("session"), vec![json!("day")]),
            ("authenticate", json!("a"), vec![json!(""), json!("x".repeat(201))]),
            ("model", json!("a"), vec![json!(""), json!(1)]),
            ("mode", json!("a"), vec![json!("")]),
            ("options", json!({"a": 1, "b": true, "c": "d"}), vec![json!({"a": []}), json!(1)]),
            (
                "mcp_servers",
                json!({"db": {"command": "c", "args": ["a"], "env": {"A": "1"}},
                       "web": {"url": "https://x", "type": "sse", "headers": {"A": "1"}}}),
                vec![json!({"db": {"comand": "c"}}), json!({"db": {"url": "x", "type": "ftp"}})],
            ),
        ]
    }

    /// What is published and what is read are the same.
    #[test]
    fn the_schema_allows_what_is_read_and_nothing_else() {
        let known: Vec<&str> = samples().iter().map(|(key, ..)| *key).collect();
        assert_eq!(keys(), known, "each key has its samples");
        for (key, good, bad) in samples() {
            let with = |value: &Value| {
                let mut settings = json!({"command": "c"});
                settings[key] = value.clone();
                settings
            };
            assert!(fits(&with(&good)) && reads(&with(&good)).is_ok(), "{key} {good}");
            for wrong in bad {
                assert!(!fits(&with(&wrong)), "the schema allows {key} {wrong}");
                assert!(reads(&with(&wrong)).is_err(), "{key} {wrong} is read");
            }
        }
        for unknown in [json!({"command": "c", "comand": 1}), json!({})] {
            assert!(!fits(&unknown) && reads(&unknown).is_err(), "{unknown}");
        }
    }
}
