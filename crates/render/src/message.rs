//! A message of a conversation, as it is read.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::call::{self, Call};
use crate::facts::Facts;
use crate::limits::{Allowance, TEXT};
use crate::node::{Kind, Node};
use crate::outcome::{self, Outcome};
use crate::{ansi, diff, markdown};

/// What is known of a message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Who says it: `user`, `assistant`, `tool`, `system`, `operator`.
    pub role: &'a str,
    /// What is said.
    pub content: &'a str,
    /// What its author wanted to be kept.
    pub metadata: &'a Map<String, Value>,
}

/// A message, as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RenderedContent)]
pub struct Rendered {
    /// What is said, as nodes; nothing where it is read as it is written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub body: Vec<Node>,
    /// What a tool was given, as nodes; nothing where JSON is the best form of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub input: Vec<Node>,
    /// Of a tool call: what it does, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Call, required = false)]
    pub call: Option<Call>,
    /// Of the result of a tool call: what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Outcome, required = false)]
    pub outcome: Option<Outcome>,
    /// Whether words were left plain, because the text is longer than what is read of one.
    pub cut: bool,
}

/// Reads a message.
#[must_use]
pub fn render(message: Message<'_>, allowance: &mut Allowance) -> Rendered {
    let facts = Facts(message.metadata);
    match message.role {
        "assistant" | "tool" if facts.is_call() => {
            let (call, input) = call::read(facts, message.content, allowance);
            Rendered { call: Some(call), input, ..Rendered::default() }
        }
        "tool" => {
            let outcome = facts.is_result().then(|| outcome::read(facts, message.content));
            Rendered { body: output(facts, message.content), outcome, ..Rendered::default() }
        }
        "system" => Rendered::default(),
        _ => {
            let markdown::Read { nodes, cut } = markdown::read(message.content, allowance);
            Rendered { body: nodes, cut, ..Rendered::default() }
        }
    }
}

/// What a tool said: a diff, or what a terminal would show. Nothing where it is plain.
fn output(facts: Facts<'_>, content: &str) -> Vec<Node> {
    if content.len() <= TEXT {
        let of_agent = || if facts.0.contains_key("toolCallId") { diff::of_agent(content) } else { None };
        if let Some(diff) = diff::written(content).or_else(of_agent) {
            return vec![Node::changes(diff)];
        }
    }
    if ansi::is_for_terminal(content) {
        return vec![Node { spans: ansi::read(content), ..Node::new(Kind::Output) }];
    }
    Vec::new()
}
