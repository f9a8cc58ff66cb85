//! Spans of requests.

use std::sync::Arc;

use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::telemetry::trace::{EndState, Span, SpanId, TraceId, Value as Told};
use flightdeck_http_api::RequestSpans;
use serde_json::{Value, json};

use crate::server::{TestServer, options};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Told> {
    span.attributes.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[test]
fn a_request_is_a_span_with_its_route_and_without_secrets() {
    let (spans, mut made) = RequestSpans::new(1.0, Arc::new(SystemClock), Arc::new(SystemIds));
    let server = TestServer::wired(options(), |api| api.with_request_spans(Arc::new(spans)));
    let mut made = move || made.try_recv().expect("a span");
    let agent = server.session(None);
    assert_eq!(made().name, "POST /agents");
    let reply = server.get(&format!("/agents/{agent}/messages?after=0"));
    let span = made();
    assert_eq!(
        (span.name.as_str(), span.parent, span.end_state),
        ("GET /agents/{agentId}/messages", None, EndState::Unknown)
    );
    assert!(span.end >= span.begin);
    assert_eq!(attribute(&span, "flightdeck.session.id"), Some(&agent.as_str().into()));
    assert_eq!(attribute(&span, "url.path"), Some(&format!("/agents/{agent}/messages").as_str().into()), "no query");
    assert_eq!(attribute(&span, "http.response.status_code"), Some(&Told::Number(200)));
    assert_eq!(attribute(&span, "flightdeck.request.id"), reply.header("x-request-id").map(Into::into).as_ref());

    // What fails before a handler runs has one, too, and the ids of two requests differ.
    server.send(&[("Host", "evil.example")], "GET", "/agents", &Value::Null).expect(421);
    let refused = made();
    assert_eq!(attribute(&refused, "http.response.status_code"), Some(&Told::Number(421)));
    assert!(refused.trace != span.trace && refused.id != span.id);
    server.send(&[], "GET", "/login/a-secret", &Value::Null);
    assert!(!format!("{:?}", made()).contains("a-secret"));
}

#[test]
fn a_caller_with_a_trace_is_followed() {
    let (spans, mut made) = RequestSpans::new(0.0, Arc::new(SystemClock), Arc::new(SystemIds));
    let server = TestServer::wired(options(), |api| api.with_request_spans(Arc::new(spans)));
    let key = server.admin.clone();
    let ask = |flags: &str| {
        let headers = [("X-API-Key", key.as_str()), ("traceparent", &format!("{CALLER}{flags}"))];
        server.send(&headers, "POST", "/agents", &json!({"taskId": "t", "agentType": "a"})).expect(201);
    };
    server.get("/agents");
    ask("00");
    assert!(made.try_recv().is_err(), "neither is sampled");
    ask("01");
    let span = made.try_recv().expect("a span");
    assert_eq!(format!("{:?}", span.trace), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span.parent, Some(SpanId([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])));
    assert!(span.trace != TraceId([0; 16]) && Some(span.id) != span.parent);
}

#[test]
fn spans_that_nobody_takes_are_counted_and_slow_nothing_down() {
    let (spans, made) = RequestSpans::new(1.0, Arc::new(SystemClock), Arc::new(SystemIds));
    drop(made);
    let spans = Arc::new(spans);
    let given = Arc::clone(&spans);
    let server = TestServer::wired(options(), |api| api.with_request_spans(given));
    server.get("/agents");
    server.get("/agents");
    assert_eq!((spans.take_lost(), spans.take_lost()), (2, 0));
}
