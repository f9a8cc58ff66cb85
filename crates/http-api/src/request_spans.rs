//! Spans of requests (OpenTelemetry), for whoever sends them on. Without this part no request has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use flightdeck_domain::ports::{Clock, IdGenerator};
use flightdeck_domain::telemetry::trace::{EndState, Span, SpanId, TraceId, Value};
use flightdeck_domain::text::RequestId;
use flightdeck_domain::time::Timestamp;
use tokio::sync::mpsc;

use crate::request::shown;

/// So many spans wait to be sent; those that come when it is full are lost, and counted.
const WAITING: usize = 8_192;
/// The header with the span of the caller (W3C Trace Context, level 1).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Makes the spans of requests.
pub struct RequestSpans {
    queue: mpsc::Sender<Span>,
    share: f64,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    lost: AtomicU64,
}

/// The span of a request that goes on.
#[derive(Debug)]
pub(crate) struct OpenSpan {
    trace: TraceId,
    id: SpanId,
    parent: Option<SpanId>,
    begin: Timestamp,
    started: Instant,
}

impl RequestSpans {
    /// Makes spans of this share of the requests, from 0 to 1, and gives the end of the queue that they come out of. The
    /// decision of a caller that has a trace of its own goes before it.
    #[must_use]
    pub fn new(share: f64, clock: Arc<dyn Clock>, ids: Arc<dyn IdGenerator>) -> (Self, mpsc::Receiver<Span>) {
        let (queue, spans) = mpsc::channel(WAITING);
        (Self { queue, share, clock, ids, lost: AtomicU64::new(0) }, spans)
    }

    /// How many spans were lost since the last call, because they came faster than they were sent.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// The span of a request that begins; `None` where it has none.
    pub(crate) fn begin(&self, request: &ServiceRequest) -> Option<OpenSpan> {
        let parent = request.headers().get(TRACEPARENT).and_then(|value| parent(value.to_str().ok()?));
        let (trace, parent) = match parent {
            Some(Parent { sampled: false, .. }) => return None,
            Some(Parent { trace, span, .. }) => (trace, Some(span)),
            None => (TraceId(*self.ids.uuid().as_bytes()), None),
        };
        if parent.is_none() && !self.takes(trace) {
            return None;
        }
        // The last eight bytes of a UUID are never all zero: its variant is among them.
        let (_, id) = self.ids.uuid().as_u64_pair();
        let id = SpanId(id.to_be_bytes());
        Some(OpenSpan { trace, id, parent, begin: self.clock.now(), started: Instant::now() })
    }

    /// By the random end of the trace's id, so that all who see a trace decide alike.
    fn takes(&self, trace: TraceId) -> bool {
        let [.., a, b, c, d] = trace.0;
        f64::from(u32::from_be_bytes([a, b, c, d])) < self.share * (f64::from(u32::MAX) + 1.0)
    }

    /// The request has its answer.
    pub(crate) fn end(&self, open: &OpenSpan, request: &HttpRequest, id: &RequestId, status: StatusCode) {
        let OpenSpan { trace, id: span, parent, begin, started } = *open;
        let route = request.match_pattern();
        let method = request.method().as_str();
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("http.request.method", method.into()),
            ("url.scheme", "http".into()),
            ("url.path", shown(request.path()).into()),
            ("http.response.status_code", Value::Number(status.as_u16().into())),
            ("flightdeck.request.id", id.as_str().into()),
        ];
        let name = match &route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        if let Some(route) = route {
            if route.starts_with("/agents/{agentId}")
                && let Some(session) = request.match_info().get("agentId")
            {
                attributes.push(("flightdeck.session.id", session.into()));
            }
            attributes.push(("http.route", route.as_str().into()));
        }
        let end_state = if status.is_server_error() { EndState::Bad(error_type(status)) } else { EndState::Unknown };
        let end = begin.saturating_add(started.elapsed());
        let span = Span { trace, id: span, parent, name, begin, end, end_state, attributes };
        if self.queue.try_send(span).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The status code as a word, as the conventions of OpenTelemetry for HTTP have it.
fn error_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        507 => "507",
        _ => "_OTHER",
    }
}

/// The span around the request.
#[derive(Debug, PartialEq, Eq)]
struct Parent {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
}

/// Reads `version-trace-span-flags` (W3C Trace Context, section 3.2). What is not valid is no parent; a later version may
/// have more at its end.
fn parent(text: &str) -> Option<Parent> {
    let mut parts = text.split('-');
    let [version] = bytes(parts.next()?)?;
    let (trace, span) = (TraceId(bytes(parts.next()?)?), SpanId(bytes(parts.next()?)?));
    let [flags] = bytes(parts.next()?)?;
    let is_whole = version != 0 || parts.next().is_none();
    let is_valid = version != 0xff && trace.0 != [0; 16] && span.0 != [0; 8];
    (is_valid && is_whole).then_some(Parent { trace, span, sampled: flags & 1 == 1 })
}

/// Reads lower-case hexadecimal digits, two for each byte.
fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    if text.len() != 2 * LENGTH || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::system::{SystemClock, SystemIds};

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_span_of_the_caller_is_read_as_the_standard_has_it() {
        let good = parent(&format!("00-{TRACE}-00f067aa0ba902b7-01")).expect("valid");
        assert_eq!((good.trace.0[0], good.span.0[7], good.sampled), (0x4b, 0xb7, true));
        assert!(!parent(&format!("00-{TRACE}-00f067aa0ba902b7-02")).expect("valid").sampled);
        assert!(parent(&format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later")).is_some());
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b\u{e9}-01"),
        ] {
            assert_eq!(parent(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_share_of_the_traces_is_taken() {
        let taken = |share, last: u32| {
            let mut trace = [7; 16];
            trace[12..].copy_from_slice(&last.to_be_bytes());
            RequestSpans::new(share, Arc::new(SystemClock), Arc::new(SystemIds)).0.takes(TraceId(trace))
        };
        assert!(taken(1.0, u32::MAX) && taken(1.0, 0));
        assert!(!taken(0.0, 0));
        assert!(taken(0.25, u32::MAX / 4 - 1) && !taken(0.25, u32::MAX / 4 + 2));
    }
}
