//! Claude Code's log events. Its spans say the same again, without whether a call succeeded, and are not read.
//!
//! Names as version 2.1 sends them: `claude_code.api_request` and `claude_code.tool_result`, in the body of the record and
//! without their prefix in `event.name`.

use flightdeck_domain::telemetry::{ToolCall, What};
use flightdeck_domain::usage::Reading;

use crate::attributes::Attributes;

pub(crate) const PREFIX: &str = "claude_code.";

/// What an event says; `None` for what is of no use here.
pub(crate) fn event(name: &str, all: &Attributes<'_>) -> Option<What> {
    match name {
        "api_request" => Some(What::Usage(Reading {
            model: all.text("model").map(ToOwned::to_owned),
            // Without what was read from the cache or written to it.
            input_tokens: all.count("input_tokens"),
            output_tokens: all.count("output_tokens"),
            cache_read_tokens: all.count("cache_read_tokens"),
            cache_write_tokens: all.count("cache_creation_tokens"),
            cost_usd: all.cost("cost_usd"),
        })),
        "tool_result" => Some(What::Tool(ToolCall {
            call: all.text("tool_use_id").map(ToOwned::to_owned),
            name: all.text("tool_name").unwrap_or("tool").to_owned(),
            ok: all.is("success"),
            duration_ms: all.count("duration_ms"),
        })),
        _ => None,
    }
}
