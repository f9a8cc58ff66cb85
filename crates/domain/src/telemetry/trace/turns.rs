//! The spans of turns and of their tool calls.

use std::collections::BTreeMap;

use serde_json::json;

use super::ids::{SpanId, TraceId};
use super::session::{common, usage};
use super::span::{EndState, Ended, Span, Value};
use super::step::{Step, ToolStep};
use crate::message::MessageRole;
use crate::session::{Session, SessionStatus};
use crate::time::Timestamp;
use crate::usage::Totals;

/// The name of a tool that nobody names.
const UNNAMED: &str = "tool";

pub(super) fn spans(session: &Session, ended: Ended, steps: &[Step]) -> Vec<Span> {
    let turns = split(steps);
    let last = turns.len().saturating_sub(1);
    let spans = turns.iter().enumerate().flat_map(|(n, steps)| {
        // An agent that does not tell of the ends of its turns has several in one part.
        let next = turns.get(n + 1).and_then(|next| next.first()).map(|step| step.at);
        let end = if n == last { ended.at } else { next.unwrap_or(ended.at) };
        let bad = (n == last && ended.status == SessionStatus::Failed).then_some("failed");
        Turn { session, steps, end, bad }.spans()
    });
    spans.collect()
}

/// Turns begin with what a user says after an answer. System messages alone are no turn.
fn split(steps: &[Step]) -> Vec<&[Step]> {
    let mut turns = Vec::new();
    let (mut from, mut answered, mut said) = (0, false, false);
    for (n, step) in steps.iter().enumerate() {
        if step.role == MessageRole::User && answered {
            turns.extend(steps.get(from..n));
            (from, answered) = (n, false);
        }
        answered |= matches!(step.role, MessageRole::Assistant | MessageRole::Tool);
        said |= step.role != MessageRole::System;
    }
    if said {
        turns.extend(steps.get(from..));
    }
    turns
}

struct Turn<'a> {
    session: &'a Session,
    steps: &'a [Step],
    end: Timestamp,
    /// The word for a bad end.
    bad: Option<&'static str>,
}

impl Turn<'_> {
    fn spans(&self) -> Vec<Span> {
        let Some(first) = self.steps.first() else { return Vec::new() };
        let prompt = self.steps.iter().find(|step| step.role != MessageRole::System).unwrap_or(first);
        let id = SpanId::of(self.session.id, "turn", &first.seq.to_string());
        let mut attributes = vec![("openinference.span.kind", Value::from("CHAIN"))];
        attributes.extend(common(self.session));
        let used: Totals =
            self.steps.iter().filter_map(|step| step.usage.as_ref()).fold(Totals::default(), Totals::with);
        if let Some(model) = self.steps.iter().find_map(|step| step.usage.as_ref()?.model()) {
            attributes.push(("gen_ai.response.model", model.into()));
        }
        attributes.extend(usage(used));
        attributes.extend(self.words());
        let begin = prompt.at.min(self.end);
        let turn = Span {
            trace: TraceId::of_tree(self.session.root_id),
            id,
            parent: Some(SpanId::of_session(self.session.id)),
            name: "turn".to_owned(),
            begin,
            end: self.end,
            end_state: self.bad.map_or(EndState::Unknown, EndState::Bad),
            attributes,
        };
        let mut spans = vec![turn];
        spans.extend(self.calls().into_iter().map(|call| self.call(id, &call)));
        spans
    }

    /// What was asked and answered, if it is there.
    fn words(&self) -> Vec<(&'static str, Value)> {
        let text = |step: &Step| step.text.clone();
        let asked = self
            .steps
            .iter()
            .find(|step| matches!(step.role, MessageRole::User | MessageRole::Operator))
            .and_then(text);
        let said = |step: &&Step| step.role == MessageRole::Assistant && step.tool.is_none();
        let answered = self.steps.iter().rev().find(said).and_then(text);
        let message =
            |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]).to_string();
        let mut all = Vec::new();
        if let Some(asked) = asked {
            all.push(("gen_ai.input.messages", Value::Text(message("user", &asked))));
            all.push(("input.value", Value::Text(asked)));
        }
        if let Some(answered) = answered {
            all.push(("gen_ai.output.messages", Value::Text(message("assistant", &answered))));
            all.push(("output.value", Value::Text(answered)));
        }
        all
    }

    /// The tool calls, in the order in which they began.
    fn calls(&self) -> Vec<Call<'_>> {
        let mut calls: Vec<Call<'_>> = Vec::new();
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for step in self.steps {
            let Some(tool) = &step.tool else { continue };
            let known = tool.call.as_deref().and_then(|call| open.get(call)).and_then(|n| calls.get_mut(*n));
            if let Some(call) = known {
                call.add(step, tool);
                continue;
            }
            if let Some(id) = tool.call.as_deref() {
                open.insert(id, calls.len());
            }
            calls.push(Call::of(step, tool));
        }
        calls
    }

    fn call(&self, turn: SpanId, call: &Call<'_>) -> Span {
        let name = call.name.unwrap_or(UNNAMED);
        let which = call.id.map_or_else(|| call.first.seq.to_string(), |id| format!("id/{id}"));
        let mut attributes = vec![
            ("gen_ai.operation.name", Value::from("execute_tool")),
            ("openinference.span.kind", Value::from("TOOL")),
            ("gen_ai.tool.name", name.into()),
            ("tool.name", name.into()),
        ];
        if let Some(id) = call.id {
            attributes.push(("gen_ai.tool.call.id", id.into()));
        }
        attributes.extend(common(self.session));
        let texts = [("gen_ai.tool.call.arguments", call.input), ("gen_ai.tool.call.result", call.output)];
        attributes.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.into()))));
        let end = call.end.unwrap_or(self.end).min(self.end);
        let begin = match call.duration_ms {
            Some(ms) if call.begin.is_none() => end.saturating_sub(std::time::Duration::from_millis(ms)),
            _ => call.begin.unwrap_or(end),
        };
        Span {
            trace: TraceId::of_tree(self.session.root_id),
            id: SpanId::of(self.session.id, "call", &which),
            parent: Some(turn),
            name: format!("execute_tool {name}"),
            begin: begin.min(end),
            end,
            end_state: match call.failed {
                None => EndState::Unknown,
                Some(false) => EndState::Good,
                Some(true) => EndState::Bad("tool_error"),
            },
            attributes,
        }
    }
}

/// A tool call, from all that is said of it.
struct Call<'a> {
    first: &'a Step,
    id: Option<&'a str>,
    name: Option<&'a str>,
    begin: Option<Timestamp>,
    end: Option<Timestamp>,
    duration_ms: Option<u64>,
    failed: Option<bool>,
    input: Option<&'a str>,
    output: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn of(step: &'a Step, tool: &'a ToolStep) -> Self {
        let id = tool.call.as_deref();
        let (begin, end, duration_ms, failed, input, output) = (None, None, None, None, None, None);
        let mut call = Self { first: step, id, name: None, begin, end, duration_ms, failed, input, output };
        call.add(step, tool);
        call
    }

    fn add(&mut self, step: &'a Step, tool: &'a ToolStep) {
        self.name = self.name.or(tool.name.as_deref());
        if tool.begins {
            self.begin = self.begin.or(Some(step.at));
            self.input = self.input.or(step.text.as_deref());
        } else {
            self.end = Some(step.at);
            self.output = step.text.as_deref().or(self.output);
        }
        self.failed = tool.failed.or(self.failed);
        self.duration_ms = tool.duration_ms.or(self.duration_ms);
    }
}
