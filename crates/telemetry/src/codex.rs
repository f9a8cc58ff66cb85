//! Codex's log events. Its spans say the same again and are not read.
//!
//! Names as version 0.171 sends them, in `event.name`: the counts are in the second `codex.sse_event` of the kind
//! `response.completed`; the first one has none.

use flightdeck_domain::telemetry::{ToolCall, What};
use flightdeck_domain::usage::Reading;

use crate::attributes::Attributes;

pub(crate) const PREFIX: &str = "codex.";

/// What an event says; `None` for what is of no use here.
pub(crate) fn event(name: &str, all: &Attributes<'_>) -> Option<What> {
    match name {
        "sse_event" | "websocket_event" if all.text("event.kind") == Some("response.completed") => {
            let input_tokens = all.count("input_token_count")?;
            let reading = Reading {
                model: all.text("model").map(ToOwned::to_owned),
                input_tokens: Some(input_tokens),
                // With the tokens of its reasoning.
                output_tokens: all.count("output_token_count"),
                cache_read_tokens: all.count("cached_token_count"),
                cache_write_tokens: all.count("cache_write_token_count"),
                cost_usd: None,
            };
            Some(What::Usage(reading.without_cache()))
        }
        "tool_result" => Some(What::Tool(ToolCall {
            call: all.text("call_id").map(ToOwned::to_owned),
            name: all.text("tool_name").unwrap_or("tool").to_owned(),
            ok: all.is("success"),
            duration_ms: all.count("duration_ms"),
        })),
        _ => None,
    }
}
