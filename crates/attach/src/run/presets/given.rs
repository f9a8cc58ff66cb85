//! What the tests of the presets share.

use flightdeck_domain::usage::{Totals, Usage};
use serde_json::Value;

use super::PRESETS;
use super::reading::Reader;
use crate::run::told::{Item, Told};
use crate::run::words::Program;

/// What was read.
pub(super) struct Read {
    pub(super) messages: Vec<Value>,
    /// `role: content`.
    pub(super) said: Vec<String>,
    pub(super) sessions: Vec<String>,
    /// Input, output, out of the cache, into it.
    pub(super) tokens: [u64; 4],
    pub(super) cost: String,
    pub(super) models: Vec<String>,
}

/// What a preset makes of these events, each of which it must know.
pub(super) fn read_by(preset: &str, events: &[Value]) -> Read {
    let preset = PRESETS.iter().find(|known| known.name == preset).expect("a preset");
    let mut reader: Box<dyn Reader> = (preset.reader)(&Program { names: Vec::new(), args: Vec::new() });
    let mut told = Told::default();
    for event in events {
        assert!(reader.event(event, &event.to_string(), &mut told), "not known: {event}");
        told.close();
    }
    reader.finish(&mut told);
    summed(&told.take())
}

pub(super) fn summed(items: &[Item]) -> Read {
    let (mut messages, mut sessions) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Message(message) => messages.push(message.clone()),
            Item::Session(id) => sessions.push(id.clone()),
        }
    }
    let usage: Vec<Usage> = messages
        .iter()
        .filter_map(|message| message.get("usage"))
        .map(|usage| serde_json::from_value(usage.clone()).expect("usage that the server takes"))
        .collect();
    let totals = usage.iter().fold(Totals::default(), Totals::with);
    let mut models: Vec<String> = usage.iter().filter_map(Usage::model).map(ToOwned::to_owned).collect();
    models.sort();
    models.dedup();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Read {
        said: messages.iter().map(|it| format!("{}: {}", word(&it["role"]), word(&it["content"]))).collect(),
        messages,
        sessions,
        tokens: [totals.input_tokens, totals.output_tokens, totals.cache_read_tokens, totals.cache_write_tokens],
        cost: totals.cost.to_string(),
        models,
    }
}
