//! Settings of Claude Code, with our hooks in them.

use flightdeck_client::KEY_VARIABLE;
use serde_json::{Map, Value, json};

/// The events that are reported, and whether they are filtered by a tool.
const EVENTS: [(&str, bool); 12] = [
    ("SessionStart", false),
    ("UserPromptSubmit", false),
    ("PreToolUse", true),
    ("PermissionRequest", true),
    ("PostToolUse", true),
    ("PostToolUseFailure", true),
    ("Notification", false),
    ("SubagentStart", false),
    ("SubagentStop", false),
    ("Stop", false),
    ("StopFailure", false),
    ("SessionEnd", false),
];

/// Those that hold the agent: the answer may be as late as the hold.
const HOLDING: [&str; 2] = ["PreToolUse", "PermissionRequest"];
/// How much longer the agent waits than the answer is held back, in seconds.
const SLACK: u64 = 10;
/// How long the agent waits for any other answer, in seconds.
const PROMPT: u64 = 10;

/// Why settings were not merged.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    #[error("it is not JSON")]
    NotJson(#[from] serde_json::Error),
    #[error("{0} is not what Claude Code's settings have there")]
    Shape(String),
}

/// Our hooks.
pub(super) struct Hooks {
    pub(super) url: String,
    pub(super) command: String,
    /// In seconds.
    pub(super) hold: u64,
    pub(super) commands_only: bool,
}

impl Hooks {
    /// All of them, as they stand under `hooks`.
    pub(super) fn all(&self) -> Value {
        Value::Object(
            EVENTS.iter().map(|(event, by_tool)| ((*event).to_owned(), json!([self.group(event, *by_tool)]))).collect(),
        )
    }

    fn group(&self, event: &str, by_tool: bool) -> Value {
        let hooks = json!([self.hook(event)]);
        if by_tool { json!({"matcher": "*", "hooks": hooks}) } else { json!({"hooks": hooks}) }
    }

    fn hook(&self, event: &str) -> Value {
        let timeout = if HOLDING.contains(&event) { self.hold + SLACK } else { PROMPT };
        // Claude Code runs no HTTP hooks at the start of a session.
        if self.commands_only || event == "SessionStart" {
            return json!({"type": "command", "command": self.command, "timeout": timeout});
        }
        let key = KEY_VARIABLE;
        json!({
            "type": "http",
            "url": self.url,
            "headers": {"X-API-Key": format!("${key}")},
            "allowedEnvVars": [key],
            "timeout": timeout,
        })
    }

    /// The settings with our hooks in them, in the place of those that were put there before. Everything else stays as it
    /// is.
    pub(super) fn merged(&self, before: Option<&str>) -> Result<Value, SettingsError> {
        let mut settings = parsed(before)?;
        take_out(&mut settings)?;
        let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
        let hooks = hooks.as_object_mut().ok_or_else(|| shape("hooks"))?;
        for (event, by_tool) in EVENTS {
            let groups = hooks.entry(event).or_insert_with(|| json!([]));
            groups.as_array_mut().ok_or_else(|| shape(event))?.push(self.group(event, by_tool));
        }
        Ok(Value::Object(settings))
    }

    /// The settings without our hooks.
    pub(super) fn removed(before: Option<&str>) -> Result<Value, SettingsError> {
        let mut settings = parsed(before)?;
        take_out(&mut settings)?;
        Ok(Value::Object(settings))
    }
}

fn parsed(before: Option<&str>) -> Result<Map<String, Value>, SettingsError> {
    match before.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(Map::new()),
        Some(text) => match serde_json::from_str(text)? {
            Value::Object(settings) => Ok(settings),
            _ => Err(shape("the whole")),
        },
    }
}

fn shape(place: &str) -> SettingsError {
    SettingsError::Shape(place.to_owned())
}

/// Takes out our hooks, and what is empty without them.
fn take_out(settings: &mut Map<String, Value>) -> Result<(), SettingsError> {
    let Some(hooks) = settings.get_mut("hooks") else { return Ok(()) };
    let hooks = hooks.as_object_mut().ok_or_else(|| shape("hooks"))?;
    let mut emptied = Vec::new();
    for (event, groups) in hooks.iter_mut() {
        let groups = groups.as_array_mut().ok_or_else(|| shape(event))?;
        let before = groups.len();
        groups.retain_mut(|group| {
            let Some(hooks) = group.get_mut("hooks").and_then(Value::as_array_mut) else { return true };
            let others = hooks.len();
            hooks.retain(|hook| !is_ours(hook));
            !hooks.is_empty() || others == 0
        });
        if groups.is_empty() && before > 0 {
            emptied.push(event.clone());
        }
    }
    let had_some = !emptied.is_empty();
    for event in emptied {
        hooks.shift_remove(&event);
    }
    if had_some && hooks.is_empty() {
        settings.shift_remove("hooks");
    }
    Ok(())
}

fn is_ours(hook: &Value) -> bool {
    let text = |field| hook.get(field).and_then(Value::as_str).unwrap_or_default();
    let http = text("url").split('?').next().is_some_and(|url| url.ends_with("/hooks/claude-code"));
    let command = text("command");
    http || (command.contains("flightdeck") && command.contains(" hook claude-code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks() -> Hooks {
        let url = "http://127.0.0.1:7600/hooks/claude-code?hold=50s".to_owned();
        Hooks { url, command: "flightdeck hook claude-code".to_owned(), hold: 50, commands_only: false }
    }

    const OWN: &str = r#"{
  "zebra": 1,
  "permissions": {"allow": ["Bash(ls:*)"]},
  "hooks": {
    "Stop": [{"hooks": [{"type": "command", "command": "say done"}]}],
    "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "./check.sh"}]}],
    "MyOwn": []
  },
  "alpha": true
}"#;

    #[test]
    fn a_start_is_a_command_and_the_rest_is_http() {
        let all = hooks().all();
        assert_eq!(all["SessionStart"][0]["hooks"][0]["type"], "command");
        let tool = &all["PreToolUse"][0];
        assert_eq!((&tool["matcher"], &tool["hooks"][0]["timeout"]), (&json!("*"), &json!(60)));
        assert_eq!(tool["hooks"][0]["headers"]["X-API-Key"], "$FLIGHTDECK_API_KEY");
        assert_eq!(tool["hooks"][0]["allowedEnvVars"], json!(["FLIGHTDECK_API_KEY"]));
        assert_eq!(all["Stop"][0]["hooks"][0]["timeout"], 10);
        let commands = Hooks { commands_only: true, ..hooks() }.all();
        assert!(commands.as_object().is_some_and(|all| all.values().all(|it| it[0]["hooks"][0]["type"] == "command")));
    }

    #[test]
    fn what_was_there_stays_in_its_order() {
        let merged = hooks().merged(Some(OWN)).expect("merged");
        let names: Vec<&String> = merged.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["zebra", "permissions", "hooks", "alpha"]);
        assert_eq!(merged["hooks"]["Stop"][0]["hooks"][0]["command"], "say done");
        assert_eq!(merged["hooks"]["Stop"].as_array().map(Vec::len), Some(2));
        assert_eq!(merged["hooks"]["PreToolUse"][0]["matcher"], "Bash");
        assert_eq!(merged["hooks"]["MyOwn"], json!([]));
    }

    #[test]
    fn merging_again_changes_nothing_and_taking_out_gives_back_what_was_there() {
        let once = hooks().merged(Some(OWN)).expect("merged").to_string();
        let twice = hooks().merged(Some(&once)).expect("merged").to_string();
        assert_eq!(once, twice);
        let elsewhere = Hooks { url: "https://deck.example/hooks/claude-code".to_owned(), ..hooks() };
        let moved = elsewhere.merged(Some(&once)).expect("merged");
        assert_eq!(moved["hooks"]["Notification"].as_array().map(Vec::len), Some(1));
        let own: Value = serde_json::from_str(OWN).expect("JSON");
        assert_eq!(Hooks::removed(Some(&moved.to_string())).expect("taken out"), own);
        let fresh = hooks().merged(None).expect("merged").to_string();
        assert_eq!(Hooks::removed(Some(&fresh)).expect("taken out"), json!({}));
    }

    #[test]
    fn a_group_with_others_in_it_keeps_them() {
        let shared = r#"{"hooks": {"Stop": [{"hooks": [
            {"type": "http", "url": "http://x/hooks/claude-code"}, {"type": "command", "command": "beep"}]}]}}"#;
        let left = Hooks::removed(Some(shared)).expect("taken out");
        assert_eq!(left["hooks"]["Stop"][0]["hooks"], json!([{"type": "command", "command": "beep"}]));
    }

    #[test]
    fn what_is_no_settings_is_left_alone() {
        for bad in ["{", "[]", r#"{"hooks": 3}"#, r#"{"hooks": {"Stop": {}}}"#] {
            assert!(hooks().merged(Some(bad)).is_err(), "{bad}");
        }
    }
}
