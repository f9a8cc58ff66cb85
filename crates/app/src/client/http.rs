//! Requests and answers.

use std::time::Duration;

use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, Response};

use super::ClientError;
use super::patience::Patience;
use crate::terminal::note;

/// How long a server may take to answer, its own longest wait included.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often a change is sent before its caller hears that nobody answers. It is done once all the same.
const TRIES: u32 = 3;
/// The largest answer that is read.
const LARGEST: u64 = 1 << 30;

/// A server, and the key to it.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    key: String,
    /// Whether a call waits for its turn when the server says that it is too early.
    waits: bool,
}

/// What came back.
pub(crate) struct Reply {
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Client {
    pub(crate) fn new(base: &str, key: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("flightdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, base: base.trim_end_matches('/').to_owned(), key: key.to_owned(), waits: true }
    }

    /// The same for a view that must not stand still, and whose screen nothing else may be written to: a call that is too
    /// early is an error at once.
    pub(crate) fn without_waiting(&self) -> Self {
        Self { waits: false, ..self.clone() }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn get(&self, path: &str) -> Result<Reply, ClientError> {
        self.whole(self.send("GET", path, &[], None, DEADLINE)?)
    }

    /// A change. When no answer comes it is sent again under the same idempotency key: where the route takes one, it is done
    /// once.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Reply, ClientError> {
        let key = SystemIds.uuid().to_string();
        let mut tries = 1;
        loop {
            let sent = self.send("POST", path, &[("Idempotency-Key", key.as_str())], Some(body), DEADLINE);
            match sent.and_then(|response| self.whole(response)) {
                Err(error @ ClientError::Unreachable { .. }) if tries < TRIES && is_cut(&error) => tries += 1,
                result => return result,
            }
        }
    }

    /// The same for what must not be sent twice.
    pub(crate) fn post_once(&self, path: &str, body: &Value) -> Result<Reply, ClientError> {
        self.whole(self.send("POST", path, &[], Some(body), DEADLINE)?)
    }

    /// Opens an answer that is read bit by bit, for so long at most.
    pub(super) fn open(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        most: Duration,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let response = self.send("GET", path, headers, None, most)?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response)) }
    }

    /// An answer that is too long to be held.
    pub(crate) fn read(&self, path: &str) -> Result<ureq::BodyReader<'static>, ClientError> {
        Ok(self.open(path, &[], Duration::from_hours(24))?.into_body().into_reader())
    }

    /// Every call goes through here. One that is too early waits for its turn where that comes soon, and says so.
    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
        most: Duration,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let mut patience = Patience::new(self.waits);
        loop {
            let response = self.send_once(method, path, headers, body, most)?;
            if !matches!(response.status().as_u16(), 429 | 503) {
                return Ok(response);
            }
            let refusal = self.refusal(response);
            let Some(wait) = patience.before_the_next(&refusal) else { return Err(refusal) };
            let why = if matches!(refusal, ClientError::TooEarly { status: 429, .. }) { "throttling" } else { "busy" };
            note(&format!("the server is {why}; trying again in {} s", wait.as_secs()));
            std::thread::sleep(wait);
        }
    }

    fn send_once(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
        most: Duration,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.header("X-API-Key", &self.key);
        let sent = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body.to_string())
                .map_err(ureq::Error::from)
                .and_then(|request| self.run(request, most)),
            None => request.body(()).map_err(ureq::Error::from).and_then(|request| self.run(request, most)),
        };
        sent.map_err(|source| self.unreachable(source))
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: Request<B>,
        most: Duration,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let request = self.agent.configure_request(request);
        let request = request.timeout_connect(Some(Duration::from_secs(5))).timeout_global(Some(most)).build();
        self.agent.run(request)
    }

    fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::Unreachable { base: self.base.clone(), source: source.into() }
    }

    fn whole(&self, response: Response<ureq::Body>) -> Result<Reply, ClientError> {
        if !response.status().is_success() {
            return Err(self.refusal(response));
        }
        let headers = response.headers().clone();
        let text = self.text(response)?;
        let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        let body =
            body.map_err(|error| ClientError::NotFlightdeck { base: self.base.clone(), source: error.into() })?;
        Ok(Reply { headers, body })
    }

    fn text(&self, response: Response<ureq::Body>) -> Result<String, ClientError> {
        let text = response.into_body().into_with_config().limit(LARGEST).read_to_string();
        text.map_err(|source| self.unreachable(source))
    }

    /// What the server says against it, with the fields at fault.
    fn refusal(&self, response: Response<ureq::Body>) -> ClientError {
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let problem: Value =
            self.text(response).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let detail = problem
            .get("detail")
            .and_then(Value::as_str)
            .map_or_else(|| format!("{} answered {status}{}", self.base, later(retry_after)), ToOwned::to_owned);
        // A store that is away may stay so: whoever asks decides whether to go on.
        let is_busy = problem.get("type").and_then(Value::as_str) == Some("urn:flightdeck:problem:busy");
        match retry_after {
            Some(retry_after) if status == 429 || is_busy => ClientError::TooEarly { status, retry_after, detail },
            _ => ClientError::Refused { status, detail },
        }
    }
}

/// When to try again, if something between here and the server said so in its stead.
fn later(retry_after: Option<u64>) -> String {
    retry_after.map_or_else(String::new, |secs| format!("; try again in {secs} s"))
}

/// Whether the request may have arrived all the same, or never left: a refused connection is not tried again.
fn is_cut(error: &ClientError) -> bool {
    let ClientError::Unreachable { source, .. } = error else { return false };
    match source.downcast_ref::<ureq::Error>() {
        Some(ureq::Error::Io(error)) => error.kind() != std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}
