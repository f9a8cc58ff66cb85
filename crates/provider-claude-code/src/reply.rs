//! Answers, in Claude Code's words.

use flightdeck_domain::text::Reason;
use serde_json::{Map, Value, json};

use crate::hook::{Event, Hook};

/// What is to be said to a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: go on.
    #[default]
    Nothing,
    /// Go on, and know this.
    Context(String),
    /// Do not do that, and know why.
    Deny(String),
    /// Do not stop yet, but do this. At the end of a turn only.
    GoOn(String),
    /// Do not do that, and stop.
    Stop(String),
    /// Granted; with the rules that spare the agent the question the next time.
    Allow(Option<Value>),
    /// Not granted, and why.
    Refuse(String),
}

impl Verdict {
    /// The body of the answer to this hook.
    pub(crate) fn answer(self, hook: &Hook) -> Value {
        self.answer_to(hook.event, &hook.name)
    }

    /// The body of the answer to a hook of which nothing is known.
    pub(crate) fn answer_to_anything(self) -> Value {
        self.answer_to(Event::Unknown, "")
    }

    fn answer_to(self, event: Event, name: &str) -> Value {
        let specific = |mut fields: Value| {
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("hookEventName".to_owned(), name.into());
            }
            json!({"hookSpecificOutput": fields})
        };
        match self {
            Self::Nothing => json!({}),
            Self::Context(text) => specific(json!({"additionalContext": text})),
            Self::Deny(why) => Value::Object(denied(event, &why)),
            Self::GoOn(why) => json!({"decision": "block", "reason": why}),
            Self::Stop(why) => {
                // Alone it lets a call run that is about to: the turn ends after it.
                let mut answer = Map::from_iter([
                    ("continue".to_owned(), Value::Bool(false)),
                    ("stopReason".to_owned(), why.as_str().into()),
                ]);
                if event.is_before_a_tool() || matches!(event, Event::Unknown | Event::Other) {
                    answer.extend(denied(event, &why));
                }
                Value::Object(answer)
            }
            Self::Allow(None) => specific(json!({"decision": {"behavior": "allow"}})),
            Self::Allow(Some(rules)) => {
                specific(json!({"decision": {"behavior": "allow", "updatedPermissions": rules}}))
            }
            Self::Refuse(why) => specific(json!({"decision": {"behavior": "deny", "message": why}})),
        }
    }
}

/// What keeps an agent from what it is about to do, at this event.
fn denied(event: Event, why: &str) -> Map<String, Value> {
    let before = json!({"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": why});
    let dialog = json!({"behavior": "deny", "message": why, "interrupt": true});
    let fields = match event {
        Event::PreToolUse => json!({"hookSpecificOutput": before}),
        Event::PermissionRequest => {
            json!({"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": dialog}})
        }
        // Each event takes the part that it knows, and an event that is not known may be before something.
        Event::Unknown | Event::Other => json!({"decision": "block", "reason": why, "hookSpecificOutput": before}),
        _ => json!({"decision": "block", "reason": why}),
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What whoever is stopped reads: that it was an operator, and why.
pub(crate) fn stopped(why: Option<&Reason>) -> Verdict {
    Verdict::Stop(told("Stopped by an operator", why))
}

/// A sentence with the operator's reason.
pub(crate) fn told(what: &str, why: Option<&Reason>) -> String {
    why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))
}
