//! Requests to receivers.

use std::io;
use std::time::Duration;

use flightdeck_domain::ports::SendFailed;
use ureq::config::Config;
use ureq::http::{HeaderMap, Request, StatusCode, Uri, header};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use crate::guard::Guard;
use crate::trust::Trust;

/// How long a request may take in all.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// How long the receiver may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// What is read of an answer that is no success, in bytes.
const ANSWER: u64 = 2_000;
/// The largest head of an answer, in bytes.
const HEAD: usize = 16 * 1_024;

/// Sends requests to addresses that the guard admits.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
}

/// Gives the addresses of hosts that may be reached. The connection goes to one of them, without asking again.
#[derive(Debug)]
struct Guarded {
    guard: Guard,
    inner: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let denied = |refused| Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, refused));
        self.guard.admit_host(uri.host().unwrap_or_default()).map_err(denied)?;
        let addresses = self.inner.resolve(uri, config, timeout)?;
        self.guard.admit_all(&addresses).map_err(denied)?;
        Ok(addresses)
    }
}

impl Http {
    pub(crate) fn new(guard: Guard, trust: &Trust, deadline: Duration) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A proxy of the environment would reach what the guard does not see.
            .proxy(None)
            .tls_config(trust.of_http())
            .user_agent(concat!("flightdeck/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(HEAD)
            .max_idle_age(Duration::from_secs(10))
            .timeout_global(Some(deadline))
            .timeout_connect(Some(CONNECT))
            .timeout_resolve(Some(CONNECT))
            .build();
        let resolver = Guarded { guard, inner: DefaultResolver::default() };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver) }
    }

    /// Sends a request; only an answer of 200 to 299 is a success.
    pub(crate) fn send(&self, request: Request<Vec<u8>>) -> Result<(), SendFailed> {
        let mut answer = self.agent.run(request).map_err(|error| failed(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = retry_after(answer.headers());
        if status.is_redirection() {
            return Err(SendFailed::new(format!("the receiver answers {status}: redirects are not followed")));
        }
        let said = answer.body_mut().with_config().limit(ANSWER).lossy_utf8(true).read_to_string().unwrap_or_default();
        let said: String = said.chars().take(200).collect();
        let what = match said.trim() {
            "" => format!("the receiver answers {status}"),
            said => format!("the receiver answers {status}: {said}"),
        };
        let rejected = matches!(
            status,
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
        );
        let gone = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
        Err(SendFailed { what, rejected, gone, retry_after })
    }
}

/// How long the receiver wants to be left alone, in seconds; dates are not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What failed, without the address: it may be a secret.
fn failed(error: &Error) -> SendFailed {
    let what = match error {
        Error::Timeout(_) => "the receiver does not answer in time".to_owned(),
        Error::HostNotFound => "the host of the receiver is not known".to_owned(),
        Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => error.to_string(),
        Error::Io(error) => format!("the connection to the receiver failed: {error}"),
        Error::Rustls(error) => format!("the receiver is not who it should be, by TLS: {error}"),
        Error::Tls(what) => format!("TLS failed: {what}"),
        Error::Protocol(error) => format!("the receiver does not speak HTTP: {error}"),
        Error::ConnectionFailed => "the connection to the receiver failed".to_owned(),
        _ => "the request cannot be sent".to_owned(),
    };
    SendFailed::new(what)
}

/// A request that posts a body.
pub(crate) fn post(
    uri: &Uri,
    content_type: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>, SendFailed> {
    let mut request = Request::post(uri).header(header::CONTENT_TYPE, content_type);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).map_err(|_error| SendFailed::new("a credential or a setting cannot stand in a header"))
}

/// A request that posts JSON.
pub(crate) fn post_json(
    uri: &Uri,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
) -> Result<Request<Vec<u8>>, SendFailed> {
    post(uri, "application/json", headers, body.to_string().into_bytes())
}
