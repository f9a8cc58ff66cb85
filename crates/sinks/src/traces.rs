//! A receiver of spans over OTLP/HTTP that the configuration of a server names.

use std::fmt;

use flightdeck_domain::ports::SendFailed;
use flightdeck_domain::telemetry::trace::Span;
use percent_encoding::percent_decode_str;
use ureq::http::Uri;

use crate::guard::Guard;
use crate::http::{DEADLINE, Http, post};
use crate::settings::address;
use crate::trust::Trust;

/// The name of the service in the receiver.
const SERVICE: &str = "flightdeck";

/// Takes the spans of requests. Who configures a server may name private addresses, but no link-local ones.
#[derive(Clone)]
pub struct TraceReceiver {
    uri: Uri,
    headers: Vec<(String, String)>,
    http: Http,
}

impl TraceReceiver {
    /// A receiver at an address without `v1/traces`, with headers as in `OTEL_EXPORTER_OTLP_HEADERS`.
    ///
    /// # Errors
    /// What is wrong with the address or the headers.
    pub fn new(url: &str, headers: &str, trust: &Trust) -> Result<Self, String> {
        let guard = Guard { allow_private: true };
        let uri = address(guard, &place(url))?;
        let headers = self::headers(headers).ok_or(HEADERS_WRONG)?;
        Ok(Self { uri, headers, http: Http::new(guard, trust, DEADLINE) })
    }

    /// Sends spans of requests, and waits until the receiver has taken them: at most ten seconds. Blocks its thread.
    ///
    /// # Errors
    /// The receiver did not take them.
    pub fn send(&self, spans: &[Span]) -> Result<(), SendFailed> {
        let body = flightdeck_telemetry::request_spans(SERVICE, spans);
        post_spans(&self.http, &self.uri, &self.headers, body)
    }
}

/// Without its headers: they are secrets.
impl fmt::Debug for TraceReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceReceiver").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// Where a receiver takes traces.
pub(crate) fn place(url: &str) -> String {
    format!("{}/v1/traces", url.trim_end_matches('/'))
}

/// What is wrong with headers that [`headers`] cannot read.
pub(crate) const HEADERS_WRONG: &str = "the headers must be name=value, with commas between several";

/// Headers as in `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, with commas between them, and values percent-encoded.
pub(crate) fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim().to_ascii_lowercase(), value.into_owned()))
    };
    pairs.map(read).collect()
}

/// Posts a request of OTLP.
pub(crate) fn post_spans(
    http: &Http,
    uri: &Uri,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> Result<(), SendFailed> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    http.send(post(uri, "application/x-protobuf", &headers, body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_set_right_or_the_fault_is_told() {
        let told = |url, headers| TraceReceiver::new(url, headers, &Trust::default()).err().unwrap_or_default();
        assert_eq!(told("http://127.0.0.1:4318", "authorization=Bearer%20abc, x=y\n"), "");
        assert!(told("collector:4318", "").contains("https://"));
        assert!(told("http://169.254.169.254", "").contains("nothing is sent to"));
        assert_eq!(told("https://otel.example", "no header"), HEADERS_WRONG);
        let receiver = TraceReceiver::new("https://otel.example/a/", "X-Key=hush", &Trust::default()).expect("valid");
        assert_eq!(receiver.uri.path(), "/a/v1/traces");
        assert!(!format!("{receiver:?}").contains("hush"));
    }
}
