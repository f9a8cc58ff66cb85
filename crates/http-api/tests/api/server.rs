//! A server of its own for each test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::action::Origin;
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::audit::CheckpointSigningKey;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{KeyName, MissionId, RequestId};
use flightdeck_domain::use_cases::{CreateKey, NewKey, Ports, Providers, RevokeKey};
use flightdeck_http_api::{Api, ApiOptions, Listening, Rate};
use flightdeck_live::{Hints, TailOptions};
use flightdeck_provider_scripted::ScriptedProvider;
use flightdeck_store_memory::MemoryStore;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use ureq::Agent;
use ureq::http::Response;

use crate::spool::MemorySpool;

/// A running server. Dropping it stops it.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) admin: String,
    pub(crate) ports: Ports,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) shutdown: CancellationToken,
    /// Whether all streams end in time, after the shutdown has begun.
    pub(crate) streams_ended: Pin<Box<dyn Future<Output = bool> + Send + Sync>>,
    pub(crate) runtime: Option<tokio::runtime::Runtime>,
    agent: Agent,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: ureq::http::HeaderMap,
}

impl Reply {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Who signs the checkpoints of every test server.
pub(crate) fn signer() -> CheckpointSigningKey {
    CheckpointSigningKey::from_seed(&[7; 32])
}

/// Options without throttles, with short waits.
pub(crate) fn options() -> ApiOptions {
    ApiOptions {
        throttle_control: Rate::OFF,
        throttle_stop: Rate::OFF,
        throttle_tree: Rate::OFF,
        throttle_login: Rate::OFF,
        control_wait: Duration::from_millis(300),
        ending_wait: Duration::from_millis(600),
        tail: TailOptions { poll: Duration::from_millis(100), ..TailOptions::default() },
        ..ApiOptions::default()
    }
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(options())
    }

    pub(crate) fn with(options: ApiOptions) -> Self {
        Self::made(options, |ports| ports, |api| api)
    }

    /// Puts other ports in the place of the store's.
    pub(crate) fn with_ports(options: ApiOptions, change: impl FnOnce(Ports) -> Ports) -> Self {
        Self::made(options, change, |api| api)
    }

    /// One whose HTTP side is wired otherwise.
    pub(crate) fn wired(options: ApiOptions, wire: impl FnOnce(Api) -> Api) -> Self {
        Self::made(options, |ports| ports, wire)
    }

    fn made(options: ApiOptions, change: impl FnOnce(Ports) -> Ports, wire: impl FnOnce(Api) -> Api) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runs");
        let hints = Arc::new(Hints::default());
        let store = Arc::new(MemoryStore::default());
        let wake_ups = Arc::clone(&hints);
        let ports = Ports::from_store(Arc::clone(&store), wake_ups, Arc::new(SystemClock), Arc::new(SystemIds))
            .with_checkpoints(Arc::new(signer()), Arc::new(()))
            .with_spool(Arc::new(MemorySpool::default()));
        let ports = change(ports);
        let shutdown = CancellationToken::new();
        let listening = Listening::on(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listening.address;
        let entered = runtime.enter();
        let providers = Providers::default().with(Arc::new(ScriptedProvider::new(&ports)));
        let api = Api::new(&ports, &providers, hints, options, runtime.handle(), shutdown.clone());
        let api = wire(api);
        {
            let _inside = runtime.enter();
            api.keep_house();
        }
        drop(entered);
        // Actix counts its workers as threads of this one.
        let streams_ended = Box::pin(api.streams_ended());
        runtime.spawn(async move { listening.serve(&api, 2).expect("serves").await });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        let runtime = Some(runtime);
        let admin = String::new();
        let mut server = Self { address, admin, ports, store, shutdown, streams_ended, runtime, agent };
        server.admin = server.key(Role::Admin);
        server
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.as_ref().expect("running").block_on(future)
    }

    /// Makes a key.
    pub(crate) fn key(&self, role: Role) -> String {
        self.key_bound_to(role, None).reveal()
    }

    pub(crate) fn key_bound_to(&self, role: Role, bound_to: Option<SessionId>) -> PlainKey {
        self.key_at(role, bound_to, SessionPlace::default())
    }

    /// A key whose session stands there, or is to.
    pub(crate) fn key_at(&self, role: Role, bound_to: Option<SessionId>, place: SessionPlace) -> PlainKey {
        let name = KeyName::new("test").expect("valid");
        self.make(NewKey { name, role, bound_to, place, missions: None, lifetime: None })
    }

    /// A key for these missions alone.
    pub(crate) fn key_for(&self, role: Role, missions: &[&str]) -> PlainKey {
        let name = KeyName::new("team").expect("valid");
        let missions = missions.iter().map(|mission| MissionId::new(*mission).expect("valid"));
        let (place, missions) = (SessionPlace::default(), MissionSet::new(missions).ok());
        self.make(NewKey { name, role, bound_to: None, place, missions, lifetime: None })
    }

    fn make(&self, new: NewKey) -> PlainKey {
        let request = RequestId::new("test").expect("valid");
        self.block_on(CreateKey::new(&self.ports).execute(new, Actor::local_cli(), request)).expect("made").0
    }

    pub(crate) fn revoke(&self, key: &PlainKey) {
        let request = RequestId::new("test").expect("valid");
        let revoke = RevokeKey::new(&self.ports);
        let by = Origin::new(Actor::local_cli(), request);
        self.block_on(revoke.execute(key.id.clone(), by)).expect("revoked");
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Any request, with the admin's key.
    pub(crate) fn call(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.call_as(&self.admin, method, path, content_type, body)
    }

    pub(crate) fn call_as(&self, key: &str, method: &str, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let request = ureq::http::Request::builder().method(method).uri(self.url(path));
        let request = if key.is_empty() { request } else { request.header("X-API-Key", key) };
        let request = if content_type.is_empty() { request } else { request.header("Content-Type", content_type) };
        let response = if body.is_empty() && method == "GET" {
            self.agent.run(request.body(()).expect("a request"))
        } else {
            self.agent.run(request.body(body).expect("a request"))
        };
        reply(response.expect("an answer"))
    }

    /// Any request with these headers and no key, as a browser sends it; redirects are not followed. `Null` is no body.
    pub(crate) fn send(&self, headers: &[(&str, &str)], method: &str, path: &str, body: &Value) -> Reply {
        let request = ureq::http::Request::builder().method(method).uri(self.url(path));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = if body.is_null() {
            self.agent.run(request.body(()).expect("a request"))
        } else {
            let request = request.header("Content-Type", "application/json");
            self.agent.run(request.body(body.to_string()).expect("a request"))
        };
        reply(response.expect("an answer"))
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call("GET", path, "", b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, "application/json", body.to_string().as_bytes())
    }

    /// The same with an idempotency key.
    pub(crate) fn post_once(&self, key: &str, path: &str, body: &Value) -> Reply {
        let request = ureq::http::Request::builder().method("POST").uri(self.url(path));
        let request = request.header("X-API-Key", &self.admin).header("Content-Type", "application/json");
        let request = request.header("Idempotency-Key", key).body(body.to_string());
        reply(self.agent.run(request.expect("a request")).expect("an answer"))
    }

    pub(crate) fn get_as(&self, key: &str, path: &str) -> Reply {
        self.call_as(key, "GET", path, "", b"")
    }

    pub(crate) fn post_as(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.call_as(key, "POST", path, "application/json", body.to_string().as_bytes())
    }

    /// Registers a running session, below another or on top.
    pub(crate) fn session(&self, parent: Option<&str>) -> String {
        let id = SystemIds.session_id().to_string();
        let body = json!({"sessionId": id, "parentSessionId": parent, "taskId": "FD-1", "agentType": "worker"});
        self.post("/agents", &body).expect(201);
        id
    }

    /// Appends so many messages.
    pub(crate) fn say(&self, agent: &str, count: usize) {
        let batch: Vec<Value> =
            (0..count).map(|n| json!({"role": "assistant", "content": format!("line {n}")})).collect();
        self.post(&format!("/agents/{agent}/messages"), &json!(batch)).expect(201);
    }

    /// Opens a stream; `None` when it is refused, with what was answered.
    pub(crate) fn stream(&self, path: &str, last_event_id: Option<&str>) -> Result<Stream, Reply> {
        self.stream_as(&self.admin, path, last_event_id)
    }

    pub(crate) fn stream_as(&self, key: &str, path: &str, last_event_id: Option<&str>) -> Result<Stream, Reply> {
        self.open_stream(("X-API-Key", key), path, last_event_id)
    }

    /// The same for whoever shows something else than a key.
    pub(crate) fn stream_with(&self, shown: (&str, &str), path: &str) -> Result<Stream, Reply> {
        self.open_stream(shown, path, None)
    }

    fn open_stream(
        &self,
        (name, value): (&str, &str),
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<Stream, Reply> {
        let request = ureq::http::Request::builder().uri(self.url(path)).header(name, value);
        let request = request.header("Accept", "text/event-stream");
        let request = match last_event_id {
            Some(id) => request.header("Last-Event-ID", id),
            None => request,
        };
        let response = self.agent.run(request.body(()).expect("a request")).expect("an answer");
        if response.status() != 200 {
            return Err(reply(response));
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Stream { lines: BufReader::new(response.into_body().into_reader()) })
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn reply(mut response: Response<ureq::Body>) -> Reply {
    let text = response.body_mut().read_to_string().expect("a text");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Reply { status: response.status().as_u16(), body, headers: response.headers().clone() }
}

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Stream {
    lines: BufReader<ureq::BodyReader<'static>>,
}

impl Stream {
    /// The next event; `None` when the stream has ended. Comments and `retry` are passed over.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            match line.split_once(": ") {
                Some(("event", kind)) => kind.clone_into(&mut event.kind),
                // The feed says the epoch before the place.
                Some(("id", id)) => event.id = id.rsplit('-').next().and_then(|place| place.parse().ok()),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("one line of JSON"),
                _ if line.is_empty() && !event.kind.is_empty() => return Some(event),
                _ => {}
            }
        }
    }

    /// The ids of the next so many events.
    pub(crate) fn ids(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.next().and_then(|event| event.id).expect("an event with an id")).collect()
    }
}
