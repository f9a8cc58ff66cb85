//! Spans as requests of OTLP.

use flightdeck_domain::telemetry::trace::{EndState, Span as Ended, Value as Told};
use flightdeck_domain::time::Timestamp;
use prost::Message;

use crate::proto::{
    AnyValue, INTERNAL, KeyValue, Resource, ResourceSpans, SERVER, STATUS_ERROR, STATUS_OK, Scope, ScopeSpans, Span,
    Status, TracesRequest, Value,
};

/// The conventions that the names of the attributes belong to.
const SCHEMA: &str = "https://opentelemetry.io/schemas/gen-ai/0.1.0";

/// The same for spans of requests to a server.
const SCHEMA_OF_REQUESTS: &str = "https://opentelemetry.io/schemas/1.37.0";

/// Spans of sessions as the body of a request in protobuf.
#[must_use]
pub fn spans(service: &str, all: &[Ended]) -> Vec<u8> {
    request(service, "flightdeck.sessions", SCHEMA, all.iter().map(|ended| span(ended, INTERNAL)).collect())
}

/// Spans of requests to this server as the body of a request in protobuf.
#[must_use]
pub fn request_spans(service: &str, all: &[Ended]) -> Vec<u8> {
    request(service, "flightdeck.requests", SCHEMA_OF_REQUESTS, all.iter().map(|ended| span(ended, SERVER)).collect())
}

pub(crate) fn request(service: &str, scope: &str, schema_url: &str, spans: Vec<Span>) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let attributes = vec![text("service.name", service), text("service.version", version)];
    let scope = Some(Scope { name: scope.to_owned(), version: version.to_owned() });
    let scope_spans = vec![ScopeSpans { scope, spans, schema_url: schema_url.to_owned() }];
    let resource = Some(Resource { attributes });
    TracesRequest { resource_spans: vec![ResourceSpans { resource, scope_spans }] }.encode_to_vec()
}

fn span(ended: &Ended, kind: i32) -> Span {
    let mut attributes: Vec<KeyValue> = ended.attributes.iter().map(|(name, value)| pair(name, told(value))).collect();
    if let EndState::Bad(word) = ended.end_state {
        attributes.push(text("error.type", word));
    }
    Span {
        trace_id: ended.trace.0.to_vec(),
        span_id: ended.id.0.to_vec(),
        parent_span_id: ended.parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        name: ended.name.clone(),
        kind,
        start_time_unix_nano: nanos(ended.begin),
        end_time_unix_nano: nanos(ended.end),
        attributes,
        status: match ended.end_state {
            EndState::Unknown => None,
            EndState::Good => Some(Status { code: STATUS_OK, message: String::new() }),
            EndState::Bad(word) => Some(Status { code: STATUS_ERROR, message: word.to_owned() }),
        },
    }
}

fn told(value: &Told) -> Value {
    match value {
        Told::Text(text) => Value::Text(text.clone()),
        Told::Number(number) => Value::Int(i64::try_from(*number).unwrap_or(i64::MAX)),
        Told::Amount(amount) => Value::Double(*amount),
    }
}

pub(crate) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::Text(value.to_owned()))
}

/// Nanoseconds since 1970; earlier times are zero.
pub(crate) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(0).saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::telemetry::trace::{SpanId, TraceId};

    use super::*;

    #[test]
    fn a_span_is_read_as_it_was_written() {
        let at = |micros| Timestamp::from_micros(micros).expect("a time");
        let ended = Ended {
            trace: TraceId([1; 16]),
            id: SpanId([2; 8]),
            parent: Some(SpanId([3; 8])),
            name: "execute_tool Bash".to_owned(),
            begin: at(1_000),
            end: at(2_000),
            end_state: EndState::Bad("tool_error"),
            attributes: vec![("a", "b".into()), ("n", Told::Number(7)), ("c", Told::Amount(0.5))],
        };
        let of_requests = request_spans("flightdeck", std::slice::from_ref(&ended));
        let bytes = spans("flightdeck", &[ended]);
        let read = TracesRequest::decode(bytes.as_slice()).expect("read");
        let group = &read.resource_spans[0];
        assert_eq!(group.resource.as_ref().expect("one").attributes[0], text("service.name", "flightdeck"));
        assert_eq!(group.scope_spans[0].schema_url, SCHEMA);
        let span = &group.scope_spans[0].spans[0];
        assert_eq!((span.trace_id.as_slice(), span.span_id.as_slice()), (&[1; 16][..], &[2; 8][..]));
        assert_eq!((span.parent_span_id.as_slice(), span.kind), (&[3; 8][..], INTERNAL));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000, 2_000_000));
        assert_eq!(span.status.as_ref().map(|status| status.code), Some(STATUS_ERROR));
        assert_eq!(span.attributes.last(), Some(&text("error.type", "tool_error")));
        assert_eq!(span.attributes[1], pair("n", Value::Int(7)));
        let read = TracesRequest::decode(of_requests.as_slice()).expect("read");
        let of_request = &read.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!(of_request, &Span { kind: SERVER, ..span.clone() });
    }
}
