//! Requests become reports.

use std::collections::{HashMap, HashSet};

use flightdeck_domain::telemetry::{Report, SessionHint, What};
use flightdeck_domain::time::Timestamp;

use crate::attributes::{Attributes, of_resource};
use crate::encoding::{Encoding, Unreadable};
use crate::proto::{LogRecord, Span, Value};
use crate::{claude, codex, gen_ai, identity};

/// The attribute of a resource, span or record with the id of a session of Flightdeck.
const NAMED: &str = "flightdeck.session.id";
/// The attributes with the agent's own id of its session. In the spans of a sub-agent of Claude Code the last one names the
/// sub-agent.
const OWN: [&str; 4] = ["session.id", "conversation.id", "gen_ai.conversation.id", "thread.id"];

/// How far up the spans around a span are looked at.
const DEEPEST: usize = 64;

/// What a request says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// How many spans or records it has.
    pub records: usize,
    /// Those of them that tell of usage or of a tool call.
    pub reports: Vec<Report>,
}

/// Reads spans.
///
/// # Errors
/// The body is no `ExportTraceServiceRequest`, or has too much.
pub fn traces(bytes: &[u8], encoding: Encoding) -> Result<Told, Unreadable> {
    let request = encoding.traces(bytes)?;
    let mut told = Told::default();
    for group in &request.resource_spans {
        let resource = of_resource(group.resource.as_ref());
        let mut all: Vec<&Span> = Vec::new();
        for scoped in &group.scope_spans {
            told.records += scoped.spans.len();
            let scope = scoped.scope.as_ref().map_or("", |scope| scope.name.as_str());
            if !tells_in_logs(&resource, scope) {
                all.extend(&scoped.spans);
            }
        }
        told.reports.extend(spans(&all, &resource));
    }
    Ok(told)
}

/// Reads log records.
///
/// # Errors
/// The body is no `ExportLogsServiceRequest`, or has too much.
pub fn logs(bytes: &[u8], encoding: Encoding) -> Result<Told, Unreadable> {
    let request = encoding.logs(bytes)?;
    let mut told = Told::default();
    for group in &request.resource_logs {
        let resource = of_resource(group.resource.as_ref());
        for scoped in &group.scope_logs {
            told.records += scoped.log_records.len();
            told.reports.extend(scoped.log_records.iter().filter_map(|record| of_record(record, &resource)));
        }
    }
    Ok(told)
}

/// Whether it comes from a program that tells of its usage and its tool calls in log records: its spans tell of both again,
/// and of less.
fn tells_in_logs(resource: &HashMap<&str, &Value>, scope: &str) -> bool {
    let service = match resource.get("service.name") {
        Some(Value::Text(name)) => name.as_str(),
        _ => "",
    };
    service == "claude-code" || scope.starts_with("com.anthropic.claude_code") || service.starts_with("codex")
}

/// Reads the spans of one resource.
fn spans<'a>(all: &[&'a Span], resource: &'a HashMap<&'a str, &'a Value>) -> Vec<Report> {
    let said = all.iter().filter_map(|span| {
        let attributes = Attributes::new(&span.attributes, resource);
        let what = gen_ai::span(span, &attributes)?;
        Some((*span, attributes, what))
    });
    let said: Vec<(&Span, Attributes<'_>, What)> = said.collect();
    // Two libraries that both watch one call make a span within the other's.
    let told_usage = said.iter().filter(|(.., what)| matches!(what, What::Usage(_)));
    let counted: HashSet<&[u8]> = told_usage.map(|(span, ..)| span.span_id.as_slice()).collect();
    let parents: HashMap<&[u8], &[u8]> =
        all.iter().map(|span| (span.span_id.as_slice(), span.parent_span_id.as_slice())).collect();
    let is_within_another = |span: &Span| {
        let above = std::iter::successors(Some(span.parent_span_id.as_slice()), |id| parents.get(id).copied());
        above.take(DEEPEST).any(|id| !id.is_empty() && id != span.span_id.as_slice() && counted.contains(id))
    };
    let wanted = said.iter().filter(|(span, _, what)| matches!(what, What::Tool(_)) || !is_within_another(span));
    let report = |(span, attributes, what): &(&Span, Attributes<'_>, What)| Report {
        session: session(attributes),
        at: moment(span.end_time_unix_nano),
        once: identity::of_span(span),
        what: what.clone(),
    };
    wanted.map(report).collect()
}

fn of_record(record: &LogRecord, resource: &HashMap<&str, &Value>) -> Option<Report> {
    let attributes = Attributes::new(&record.attributes, resource);
    let body = match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    let names = [body, attributes.text("event.name").unwrap_or_default(), record.event_name.as_str()];
    let behind = |prefix| names.iter().find_map(|name| name.strip_prefix(prefix));
    let what = match (behind(claude::PREFIX), behind(codex::PREFIX)) {
        (Some(name), _) => claude::event(name, &attributes),
        (None, Some(name)) => codex::event(name, &attributes),
        (None, None) => None,
    }?;
    let at = moment(record.time_unix_nano).or_else(|| moment(record.observed_time_unix_nano));
    Some(Report { session: session(&attributes), at, once: identity::of_record(record), what })
}

fn session(attributes: &Attributes<'_>) -> SessionHint {
    SessionHint {
        named: attributes.anywhere(NAMED).map(ToOwned::to_owned),
        own: OWN.iter().find_map(|name| attributes.anywhere(name)).map(ToOwned::to_owned),
    }
}

/// A time in nanoseconds since 1970; zero is none.
fn moment(nanos: u64) -> Option<Timestamp> {
    let micros = i64::try_from(nanos / 1_000).ok().filter(|micros| *micros > 0)?;
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests;
