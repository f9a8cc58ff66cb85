//! The span of a session.

use super::ids::{SpanId, TraceId};
use super::span::{EndState, Ended, Span, Value};
use crate::session::{Session, SessionStatus};
use crate::usage::Totals;

pub(super) fn span(session: &Session, ended: Ended, used: Totals) -> Span {
    let mut attributes =
        vec![("gen_ai.operation.name", Value::from("invoke_agent")), ("openinference.span.kind", Value::from("AGENT"))];
    attributes.extend(common(session));
    attributes.extend(usage(used));
    attributes.push(("flightdeck.session.status", ended.status.as_str().into()));
    attributes.push(("flightdeck.task.id", session.task_id.as_str().into()));
    if let Some(mission) = &session.mission_id {
        attributes.push(("flightdeck.mission.id", mission.as_str().into()));
    }
    let end_state = match ended.status {
        SessionStatus::Completed => EndState::Good,
        SessionStatus::Failed | SessionStatus::Killed | SessionStatus::Lost => EndState::Bad(ended.status.as_str()),
        _ => EndState::Unknown,
    };
    Span {
        trace: TraceId::of_tree(session.root_id),
        id: SpanId::of_session(session.id),
        parent: session.parent_id.map(SpanId::of_session),
        name: format!("invoke_agent {}", session.agent_type),
        begin: session.spawned_at.min(ended.at),
        end: ended.at,
        end_state,
        attributes,
    }
}

/// What every span of a session says.
pub(super) fn common(session: &Session) -> Vec<(&'static str, Value)> {
    let own = session.provider_session_id.as_ref().map(ToString::to_string);
    let conversation = own.unwrap_or_else(|| session.id.to_string());
    vec![
        ("gen_ai.agent.name", session.agent_type.as_str().into()),
        ("gen_ai.provider.name", session.provider.as_str().into()),
        ("gen_ai.conversation.id", Value::Text(conversation)),
        // OpenInference groups by it.
        ("session.id", Value::Text(session.id.to_string())),
        ("flightdeck.session.id", Value::Text(session.id.to_string())),
    ]
}

/// What was used. By the conventions the input has what was read from a cache and written to it.
pub(super) fn usage(used: Totals) -> Vec<(&'static str, Value)> {
    if used.reports == 0 {
        return Vec::new();
    }
    let input =
        [used.cache_read_tokens, used.cache_write_tokens].into_iter().fold(used.input_tokens, u64::saturating_add);
    let mut all = vec![
        ("gen_ai.usage.input_tokens", Value::Number(input)),
        ("gen_ai.usage.output_tokens", Value::Number(used.output_tokens)),
    ];
    for (name, tokens) in [
        ("gen_ai.usage.cache_read.input_tokens", used.cache_read_tokens),
        ("gen_ai.usage.cache_creation.input_tokens", used.cache_write_tokens),
    ] {
        if tokens > 0 {
            all.push((name, Value::Number(tokens)));
        }
    }
    if used.priced_reports > 0 {
        all.push(("flightdeck.usage.cost_usd", Value::Amount(used.cost.into())));
    }
    all
}
