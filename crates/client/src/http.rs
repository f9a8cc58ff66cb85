//! Requests and answers.

use std::time::Duration;

use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request, Response};

use crate::error::ClientError;
use crate::patience::Patience;
use crate::replies::Problem;

/// How long a server may take to answer, its own longest wait included.
const DEADLINE: Duration = Duration::from_mins(1);
/// Who does not accept a connection within this is away.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a change is sent before its caller hears that nobody answers. It is done once all the same.
const TRIES: u32 = 3;
/// The largest answer that is read.
const LARGEST: u64 = 1 << 30;

/// A server, and the key to it.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    key: String,
    /// Headers that each call has besides.
    more: Vec<(String, String)>,
    /// A call waits for its turn when the server says that it is too early, and this is told of it. Without it such a call
    /// is an error at once.
    told_of_waits: Option<fn(&str)>,
}

/// One answer, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the server did what it was asked.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Whether it may do so later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        self.status == 429 || self.status >= 500
    }

    /// The body as what it is to be; `None` where it is something else.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.body).ok()
    }

    /// What is wrong, in the server's words.
    #[must_use]
    pub fn problem(&self) -> String {
        let detail = self.read::<Problem>().and_then(|problem| problem.detail);
        format!("{} ({})", detail.as_deref().unwrap_or("no reason was given"), self.status)
    }
}

/// What came back from a server that did what it was asked.
pub struct Reply {
    base: String,
    headers: HeaderMap,
    /// The body; null where there is none.
    pub body: Value,
}

impl Reply {
    /// The body as what it is to be.
    ///
    /// # Errors
    /// It is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        let not_ours =
            |error: serde_json::Error| ClientError::NotFlightdeck { base: self.base.clone(), source: error.into() };
        T::deserialize(&self.body).map_err(not_ours)
    }

    /// A header of the answer, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Client {
    /// One for this server, with this key. A call that is too early is an error at once.
    #[must_use]
    pub fn new(base: &str, key: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("flightdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self {
            agent,
            base: base.trim_end_matches('/').to_owned(),
            key: key.trim().to_owned(),
            more: Vec::new(),
            told_of_waits: None,
        }
    }

    /// The same with a header in each call.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut more = self.more.clone();
        more.push((name.to_owned(), value.to_owned()));
        Self { more, ..self.clone() }
    }

    /// The same, but a call that is too early waits for its turn, and `told` hears so.
    #[must_use]
    pub fn waiting(&self, told: fn(&str)) -> Self {
        Self { told_of_waits: Some(told), ..self.clone() }
    }

    /// The same for a view that must not stand still, and whose screen nothing else may be written to: a call that is too
    /// early is an error at once.
    #[must_use]
    pub fn without_waiting(&self) -> Self {
        Self { told_of_waits: None, ..self.clone() }
    }

    /// The address of the server, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn get(&self, path: &str) -> Result<Reply, ClientError> {
        self.whole(self.send("GET", path, &[], None, DEADLINE)?)
    }

    /// A change. When no answer comes it is sent again under the same idempotency key: where the route takes one, it is done
    /// once.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn post(&self, path: &str, body: &Value) -> Result<Reply, ClientError> {
        let (key, bytes) = (SystemIds.uuid().to_string(), body.to_string().into_bytes());
        let mut tries = 1;
        loop {
            let sent = self.send("POST", path, &[("Idempotency-Key", key.as_str())], Some(&bytes), DEADLINE);
            match sent.and_then(|response| self.whole(response)) {
                Err(error @ ClientError::Unreachable { .. }) if tries < TRIES && is_cut(&error) => tries += 1,
                result => return result,
            }
        }
    }

    /// Puts something in the place of what is there: it is the same however often it is sent.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn put(&self, path: &str, body: &Value) -> Result<Reply, ClientError> {
        self.whole(self.send("PUT", path, &[], Some(body.to_string().as_bytes()), DEADLINE)?)
    }

    /// Takes something away: it is gone however often it is sent. The body may say why.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn delete(&self, path: &str, body: &Value) -> Result<Reply, ClientError> {
        self.whole(self.send("DELETE", path, &[], Some(body.to_string().as_bytes()), DEADLINE)?)
    }

    /// Puts something in the place of what is known, by its `ETag`; without one it is made.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn put_known(&self, path: &str, body: &Value, tag: Option<&str>) -> Result<Reply, ClientError> {
        self.known("PUT", path, body, tag)
    }

    /// Takes away what is known, by its `ETag`.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn delete_known(&self, path: &str, body: &Value, tag: Option<&str>) -> Result<Reply, ClientError> {
        self.known("DELETE", path, body, tag)
    }

    fn known(&self, method: &str, path: &str, body: &Value, tag: Option<&str>) -> Result<Reply, ClientError> {
        let headers: Vec<(&str, &str)> = tag.map(|tag| ("If-Match", tag)).into_iter().collect();
        self.whole(self.send(method, path, &headers, Some(body.to_string().as_bytes()), DEADLINE)?)
    }

    /// A change that must not be sent twice.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn post_once(&self, path: &str, body: &Value) -> Result<Reply, ClientError> {
        self.whole(self.send("POST", path, &[], Some(body.to_string().as_bytes()), DEADLINE)?)
    }

    /// Opens an answer that is read bit by bit, for so long at most.
    pub(crate) fn open(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        most: Duration,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let response = self.send("GET", path, headers, None, most)?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response)) }
    }

    /// An answer that is too long to be held.
    ///
    /// # Errors
    /// There is no answer, or the server refuses.
    pub fn read(&self, path: &str) -> Result<ureq::BodyReader<'static>, ClientError> {
        Ok(self.open(path, &[], Duration::from_hours(24))?.into_body().into_reader())
    }

    /// Every call goes through here. One that is too early waits for its turn where that comes soon, and says so.
    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        most: Duration,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let mut patience = Patience::new(self.told_of_waits.is_some());
        loop {
            let response = self.send_once(method, path, headers, body, most)?;
            if !matches!(response.status().as_u16(), 429 | 503) {
                return Ok(response);
            }
            let refusal = self.refusal(response);
            let Some(wait) = patience.before_the_next(&refusal) else { return Err(refusal) };
            let why = if matches!(refusal, ClientError::TooEarly { status: 429, .. }) { "throttling" } else { "busy" };
            if let Some(told) = self.told_of_waits {
                told(&format!("the server is {why}; trying again in {} s", wait.as_secs()));
            }
            std::thread::sleep(wait);
        }
    }

    fn send_once(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
        most: Duration,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = self.more.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.header("X-API-Key", &self.key);
        let sent = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body)
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
        let request = request.timeout_connect(Some(CONNECT)).timeout_global(Some(most)).build();
        self.agent.run(request)
    }

    /// Asks for something once, and gives whatever the server answers. Blocks the thread, for `deadline` at most.
    ///
    /// # Errors
    /// There is no answer.
    pub fn get_once(&self, path: &str, deadline: Duration) -> Result<Answer, ClientError> {
        self.answer(self.send_once("GET", path, &[], None, deadline)?)
    }

    /// Says something once, and gives whatever the server answers. Blocks the thread, for `deadline` at most.
    ///
    /// # Errors
    /// There is no answer.
    pub fn say_once(&self, path: &str, body: &[u8], deadline: Duration) -> Result<Answer, ClientError> {
        self.answer(self.send_once("POST", path, &[], Some(body), deadline)?)
    }

    /// Puts something once, and gives whatever the server answers. Blocks the thread, for `deadline` at most.
    ///
    /// # Errors
    /// There is no answer.
    pub fn put_once(&self, path: &str, body: &[u8], deadline: Duration) -> Result<Answer, ClientError> {
        self.answer(self.send_once("PUT", path, &[], Some(body), deadline)?)
    }

    fn answer(&self, response: Response<ureq::Body>) -> Result<Answer, ClientError> {
        let status = response.status().as_u16();
        let bytes = response.into_body().into_with_config().limit(LARGEST).read_to_vec();
        let bytes = bytes.map_err(|source| self.unreachable(source))?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
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
        Ok(Reply { base: self.base.clone(), headers, body })
    }

    fn text(&self, response: Response<ureq::Body>) -> Result<String, ClientError> {
        let text = response.into_body().into_with_config().limit(LARGEST).read_to_string();
        text.map_err(|source| self.unreachable(source))
    }

    /// What the server says against it, with the fields at fault.
    fn refusal(&self, response: Response<ureq::Body>) -> ClientError {
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let problem: Problem =
            self.text(response).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let detail = problem.detail.unwrap_or_else(|| format!("{} answered {status}{}", self.base, later(retry_after)));
        // A store that is away may stay so: whoever asks decides whether to go on.
        let is_busy = problem.kind == "urn:flightdeck:problem:busy";
        match retry_after {
            Some(retry_after) if status == 429 || is_busy => {
                ClientError::TooEarly { status, kind: problem.kind, retry_after, detail }
            }
            _ => ClientError::Refused { status, kind: problem.kind, detail },
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
