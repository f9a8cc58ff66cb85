//! Answers, in Claude Code's words.

use serde_json::{Value, json};

use crate::hook::{Event, Hook};

/// What is to be said to a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: go on.
    #[default]
    Nothing,
    /// Go on, and know this.
    Context(String),
    /// Do not do that, and know why. Before a tool is used only.
    Deny(String),
    /// Do not stop yet, but do this. At the end of a turn only.
    GoOn(String),
    /// Stop. The reason is for whoever sits at the terminal.
    Stop(String),
    /// Granted; with the rules that spare the agent the question the next time.
    Allow(Option<Value>),
    /// Not granted, and why.
    Refuse(String),
}

impl Verdict {
    /// The body of the answer to this hook.
    pub(crate) fn answer(self, hook: &Hook) -> Value {
        let specific = |mut fields: Value| {
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("hookEventName".to_owned(), hook.name.clone().into());
            }
            json!({"hookSpecificOutput": fields})
        };
        match self {
            Self::Nothing => json!({}),
            Self::Context(text) => specific(json!({"additionalContext": text})),
            Self::Deny(why) if hook.event == Event::PreToolUse => {
                specific(json!({"permissionDecision": "deny", "permissionDecisionReason": why}))
            }
            Self::Deny(why) | Self::GoOn(why) => json!({"decision": "block", "reason": why}),
            Self::Stop(why) => json!({"continue": false, "stopReason": why}),
            Self::Allow(None) => specific(json!({"decision": {"behavior": "allow"}})),
            Self::Allow(Some(rules)) => {
                specific(json!({"decision": {"behavior": "allow", "updatedPermissions": rules}}))
            }
            Self::Refuse(why) => specific(json!({"decision": {"behavior": "deny", "message": why}})),
        }
    }
}
