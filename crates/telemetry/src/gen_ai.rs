//! Spans by the conventions for generative AI of OpenTelemetry, and where it is cheap by their older names and by those of
//! `OpenInference` (`llm.*`) and `OpenLLMetry` (`traceloop.*`).

use flightdeck_domain::telemetry::{ToolCall, What};
use flightdeck_domain::usage::Reading;

use crate::attributes::Attributes;
use crate::proto::{STATUS_ERROR, STATUS_OK, Span};

/// The operations that call a model once. Spans around them, such as `invoke_agent`, sum up what is below them.
const CALLS: [&str; 4] = ["chat", "text_completion", "generate_content", "embeddings"];

/// What a span is.
enum Kind {
    Model,
    Tool,
    Other,
}

fn kind(all: &Attributes<'_>) -> Kind {
    let words = ["gen_ai.operation.name", "openinference.span.kind", "llm.request.type", "traceloop.span.kind"];
    match all.first(&words) {
        Some("execute_tool" | "TOOL" | "tool") => Kind::Tool,
        Some("LLM" | "EMBEDDING" | "completion") => Kind::Model,
        Some(word) if CALLS.contains(&word) => Kind::Model,
        Some(_) => Kind::Other,
        None if all.text("gen_ai.request.model").is_some() => Kind::Model,
        None => Kind::Other,
    }
}

/// What a span says; `None` for what is of no use here.
pub(crate) fn span(span: &Span, all: &Attributes<'_>) -> Option<What> {
    match kind(all) {
        Kind::Model => usage(all).map(What::Usage),
        Kind::Tool => Some(What::Tool(tool(span, all))),
        Kind::Other => None,
    }
}

fn usage(all: &Attributes<'_>) -> Option<Reading> {
    let reading = Reading {
        model: all
            .first(&["gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "embedding.model_name"])
            .map(ToOwned::to_owned),
        input_tokens: all.first_count(&[
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
        ]),
        output_tokens: all.first_count(&[
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
        ]),
        cache_read_tokens: all.first_count(&[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ]),
        cache_write_tokens: all.first_count(&[
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "llm.token_count.prompt_details.cache_write",
        ]),
        cost_usd: all.cost("gen_ai.usage.cost").or_else(|| all.cost("llm.cost.total")),
    };
    let says_something = [reading.input_tokens, reading.output_tokens].iter().any(Option::is_some);
    // By the conventions the input has what was read from a cache and written to it.
    (says_something || reading.cost_usd.is_some()).then(|| reading.without_cache())
}

fn tool(span: &Span, all: &Attributes<'_>) -> ToolCall {
    let name = all.first(&["gen_ai.tool.name", "tool.name", "traceloop.entity.name"]);
    let name = name.or_else(|| span.name.strip_prefix("execute_tool ")).unwrap_or(&span.name);
    let ok = match span.status.as_ref().map(|status| status.code) {
        Some(STATUS_ERROR) => Some(false),
        Some(STATUS_OK) => Some(true),
        _ => all.text("error.type").map(|_| false),
    };
    let nanos = span.end_time_unix_nano.checked_sub(span.start_time_unix_nano);
    ToolCall {
        call: all.first(&["gen_ai.tool.call.id", "tool_call.id", "tool.call.id"]).map(ToOwned::to_owned),
        name: if name.is_empty() { "tool" } else { name }.to_owned(),
        ok,
        duration_ms: nanos.filter(|_| span.start_time_unix_nano > 0).map(|nanos| nanos / 1_000_000),
    }
}
