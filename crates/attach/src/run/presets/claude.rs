//! The lines of `claude -p --output-format stream-json`.

use std::collections::BTreeSet;

use flightdeck_agent_io::text::one_line;
use flightdeck_domain::usage::{Cost, Reading, Usage};
use serde_json::{Value, json};

use super::reading::{Preset, Reader, call, content, flag_is, output, text};
use crate::run::count::{Count, Names, cost, named, reading};
use crate::run::told::Told;

pub(super) const PRESET: Preset = Preset {
    name: "claude",
    programs: &["claude", "@anthropic-ai/claude-code", "claude-code"],
    speaks: |program| flag_is(program, &["--output-format"], &["stream-json"]),
    begins: |event| {
        text(event, "/subtype") == "init"
            && event.get("session_id").is_some()
            && event.get("qwen_code_version").is_none()
    },
    totals_go_on: true,
    reader: |_| Box::new(StreamJson::new(Dialect { input_has_cache: false, results_are_totals: false })),
};

/// How usage stands with a message, and with the result of a turn.
const OF_MESSAGES: Names = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
/// How it stands with a model.
const OF_MODELS: Names = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];
/// What comes besides and says nothing of its own: parts of answers that come whole as well, and signs of life.
const QUIET: [&str; 4] = ["stream_event", "keep_alive", "tool_progress", "control_response"];
/// What stands as the model where Claude Code itself speaks.
const NO_MODEL: &str = "<synthetic>";

/// What differs between the programs that write such lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    /// Whether the input counts what came out of the cache, too.
    pub(super) input_has_cache: bool,
    /// Whether the usage of a result is the total of the session; otherwise it is that of the turn, without sub-agents.
    pub(super) results_are_totals: bool,
}

/// Reads them.
///
/// Usage comes three times: with each part of an answer, for what is known when the answer begins; with the result, for the
/// main loop alone; and by model, as a total of the session over all its runs, sub-agents and side calls included, and of the
/// same scope as the cost. The first is counted as it goes by, once a message, and the last completes it.
pub(super) struct StreamJson {
    dialect: Dialect,
    count: Count,
    session: Option<String>,
    /// Whether a result has told where the totals of this run begin.
    begun: bool,
    /// Models that were named, for results that name none.
    models: BTreeSet<String>,
}

impl StreamJson {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, count: Count::default(), session: None, begun: false, models: BTreeSet::new() }
    }
}

impl Reader for StreamJson {
    fn event(&mut self, event: &Value, _written: &str, told: &mut Told) -> bool {
        match text(event, "/type") {
            "system" if text(event, "/subtype") == "init" => self.init(event, told),
            "assistant" => return self.assistant(event, told),
            "user" => return user(event, told),
            "result" => self.result(event, told),
            quiet if QUIET.contains(&quiet) => told.hush(),
            _ => return false,
        }
        true
    }

    fn going_on_from(&mut self, totals: Vec<Reading>) {
        // What a result says of itself is nearer to the truth.
        if !self.begun {
            self.count.going_on_from(totals);
        }
    }
}

impl StreamJson {
    /// Comes with each turn.
    fn init(&mut self, event: &Value, told: &mut Told) {
        let (id, model) = (text(event, "/session_id"), text(event, "/model"));
        if self.session.as_deref() == Some(id) {
            told.hush();
            return;
        }
        self.session = Some(id.to_owned());
        let kept = json!({"type": "session", "sessionId": id, "model": model});
        told.say("system", &format!("session started ({model})"), &kept);
        told.session(id);
    }

    fn reading(&self, told: &Value, model: Option<&str>) -> Reading {
        let reading = reading(told, OF_MESSAGES, model);
        if self.dialect.input_has_cache { reading.without_cache() } else { reading }
    }

    fn assistant(&mut self, event: &Value, told: &mut Told) -> bool {
        let known = blocks(event, told, assistant);
        let model = text(event, "/message/model");
        let id = text(event, "/message/id");
        if let Some(usage) = event.pointer("/message/usage").filter(|_| !id.is_empty() && model != NO_MODEL) {
            if !model.is_empty() {
                self.models.insert(model.to_owned());
            }
            let used = self.reading(usage, Some(model));
            told.used(self.count.message(id, used, is_below(event)));
        }
        known
    }

    fn result(&mut self, event: &Value, told: &mut Told) {
        let used = self.used(event);
        let failed = event.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let subtype = text(event, "/subtype");
        let mut said = format!(
            "{} ({subtype})",
            if failed || subtype.starts_with("error") { "turn failed" } else { "turn ended" }
        );
        if failed {
            let why = match event.get("errors").and_then(Value::as_array) {
                Some(errors) if !errors.is_empty() => content(Some(&errors.clone().into())),
                _ => content(event.get("result")),
            };
            if !why.trim().is_empty() {
                said = format!("{said}: {}", one_line(&why, 2_000));
            }
        }
        let kept = json!({"type": "result", "subtype": subtype, "turns": event.get("num_turns"),
            "durationMs": event.get("duration_ms"), "totals": self.count.told()});
        told.say("system", &said, &kept);
        told.used(used);
    }

    /// What a result adds to what was counted.
    fn used(&mut self, event: &Value) -> Vec<Usage> {
        let models = totals(event.get("modelUsage"));
        if !models.is_empty() {
            if !self.begun && event.get("model_usage_since_last_result").is_some() {
                let since = totals(event.get("model_usage_since_last_result"));
                self.count.going_on_from(models.iter().map(|total| before(total, &since)));
            }
            self.begun = true;
            return self.count.totals(models);
        }
        let usage = event.get("usage").filter(|usage| usage.is_object());
        let only = self.models.first().filter(|_| self.models.len() == 1).cloned();
        let price = event.get("total_cost_usd").and_then(cost);
        let Some(usage) = usage else {
            return self.count.totals(price.map(|price| Reading { cost_usd: Some(price), ..Reading::default() }));
        };
        if self.dialect.results_are_totals {
            self.begun = true;
            let total = Reading { cost_usd: price, ..self.reading(usage, None) };
            let used = self.count.totals([total]);
            return used.into_iter().filter_map(|used| named(used, only.as_deref())).collect();
        }
        // Older versions: the tokens are those of the turn, the cost is a total.
        let cost = self.count.totals(price.map(|price| Reading { cost_usd: Some(price), ..Reading::default() }));
        let cost_usd = cost.first().and_then(Usage::cost);
        self.count.since(Reading { cost_usd, ..self.reading(usage, only.as_deref()) })
    }
}

/// Totals by model.
fn totals(told: Option<&Value>) -> Vec<Reading> {
    let models = told.and_then(Value::as_object).into_iter().flatten();
    let total = |(model, told): (&String, &Value)| Reading {
        cost_usd: told.get("costUSD").and_then(cost),
        ..reading(told, OF_MODELS, Some(model))
    };
    models.filter(|(_, told)| told.is_object()).map(total).collect()
}

/// A total without what was added to it since.
fn before(total: &Reading, since: &[Reading]) -> Reading {
    let Some(since) = since.iter().find(|since| since.model == total.model) else { return total.clone() };
    let less = |total: Option<u64>, since: Option<u64>| total.map(|total| total.saturating_sub(since.unwrap_or(0)));
    let nanos = |cost: Option<Cost>| cost.map(Cost::nanos);
    Reading {
        model: total.model.clone(),
        input_tokens: less(total.input_tokens, since.input_tokens),
        output_tokens: less(total.output_tokens, since.output_tokens),
        cache_read_tokens: less(total.cache_read_tokens, since.cache_read_tokens),
        cache_write_tokens: less(total.cache_write_tokens, since.cache_write_tokens),
        cost_usd: less(nanos(total.cost_usd), nanos(since.cost_usd)).map(Cost::from_nanos),
    }
}

/// Whether it is of a sub-agent.
fn is_below(event: &Value) -> bool {
    event.get("parent_tool_use_id").is_some_and(|parent| !parent.is_null())
}

/// Tells the parts of a message; a text stands for one. `false` when there are none.
fn blocks(event: &Value, told: &mut Told, tell: fn(&Value, &Value, &mut Told)) -> bool {
    match event.pointer("/message/content") {
        Some(Value::Array(blocks)) => blocks.iter().for_each(|block| tell(block, event, told)),
        Some(Value::String(text)) => tell(&json!({"type": "text", "text": text}), event, told),
        _ => return false,
    }
    true
}

fn assistant(block: &Value, event: &Value, told: &mut Told) {
    let parent = event.get("parent_tool_use_id").cloned().unwrap_or_default();
    let is_text = |field: &str| block.get(field).is_some_and(Value::is_string);
    match text(block, "/type") {
        "text" if is_text("text") => {
            told.say("assistant", text(block, "/text"), &json!({"type": "answer", "parentToolUseId": parent}));
        }
        "thinking" if is_text("thinking") => {
            told.say("assistant", text(block, "/thinking"), &json!({"type": "thought", "parentToolUseId": parent}));
        }
        "redacted_thinking" => told.hush(),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => {
            let (id, name, input) = (text(block, "/id"), text(block, "/name"), block.get("input"));
            let kept = json!({"type": "tool_call", "toolUseId": id, "tool": name, "input": input,
                "parentToolUseId": parent});
            told.say("assistant", &call(name, input), &kept);
        }
        kind if kind.ends_with("tool_result") => result(block, event, told),
        kind => strange(kind, block, told),
    }
}

/// A part that is not known here.
fn strange(kind: &str, block: &Value, told: &mut Told) {
    let kind = if kind.is_empty() { "something" } else { kind };
    told.say("system", &format!("part: {}", one_line(kind, 200)), &json!({"type": "event", "events": [block]}));
}

fn result(block: &Value, event: &Value, told: &mut Told) {
    let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or(false);
    let kind = if failed { "tool_error" } else { "tool_result" };
    let parent = event.get("parent_tool_use_id").cloned().unwrap_or_default();
    let kept = json!({"type": kind, "toolUseId": text(block, "/tool_use_id"), "parentToolUseId": parent});
    told.say("tool", output(&content(block.get("content"))), &kept);
}

fn user(event: &Value, told: &mut Told) -> bool {
    blocks(event, told, |block, event, told| match text(block, "/type") {
        "tool_result" => result(block, event, told),
        "text" if block.get("text").is_some_and(Value::is_string) => {
            let is = |field: &str| event.get(field).and_then(Value::as_bool).unwrap_or(false);
            let origin = text(event, "/origin/kind");
            let parent = event.get("parent_tool_use_id").cloned().unwrap_or_default();
            // A prompt that comes back where messages are replayed; or what the agent says to a sub-agent, or to itself.
            let (role, kind) = if is_below(event) {
                ("system", "subagent_prompt")
            } else if is("isSynthetic") || is("isMeta") || !matches!(origin, "" | "human") {
                ("system", "notice")
            } else {
                ("user", "prompt")
            };
            told.say(role, text(block, "/text"), &json!({"type": kind, "parentToolUseId": parent}));
        }
        "image" | "document" => told.say("user", &content(Some(&json!([block]))), &json!({"type": "prompt"})),
        kind => strange(kind, block, told),
    })
}

#[cfg(test)]
mod tests;
