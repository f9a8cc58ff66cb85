//! A server that answers as a test says, and an agent that keeps what it is handed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_client::Client;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentProvider, Capabilities, Clock as _, DeliverError, SpawnError};
use flightdeck_domain::session::{Admission, Registration, Session, SessionStatus, TreeFacts};
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, TaskId, TaskSource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::held::{AllHeld, Held};
use crate::link::Link;
use crate::outbox::Outbox;

pub(crate) fn id(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

/// A session that runs.
pub(crate) fn session(n: u128) -> Session {
    let registration = Registration {
        id: id(n),
        parent_id: None,
        provider: ProviderName::runner(),
        provider_session_id: None,
        replica: None,
        started_by: None,
        mission_id: None,
        task_id: TaskId::new("T").expect("valid"),
        task_source: TaskSource::default(),
        agent_type: AgentType::new("worker").expect("valid"),
        status: SessionStatus::Running,
        gate_profile: None,
        context: JsonObject::default(),
        metadata: JsonObject::default(),
        at: SystemClock.now(),
    };
    match registration.admit(TreeFacts::default()) {
        Ok(Admission::Create { session, .. }) => *session,
        other => panic!("not created: {other:?}"),
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: Value,
    /// The header of the assignment.
    pub(crate) held: Option<String>,
}

type Answers = dyn Fn(&Asked) -> (u16, Value) + Send + Sync;

/// The server. It answers one request a connection.
pub(crate) struct FakeServer {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeServer {
    pub(crate) fn new(answers: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers): (_, Arc<Answers>) = (Arc::clone(&asked), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &kept, &*answers));
            }
        });
        Self { base, asked }
    }

    pub(crate) fn link(&self) -> Link {
        Link::new(Client::new(&self.base, "key"))
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("kept").clone()
    }

    /// The bodies of what was sent to a path.
    pub(crate) fn sent(&self, path: &str) -> Vec<Value> {
        self.asked().into_iter().filter(|asked| asked.path == path).map(|asked| asked.body).collect()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answers: &Answers) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request");
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut held) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).expect("a header");
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().expect("a number"),
            "flightdeck-assignment" => held = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let asked = Asked { path, body: serde_json::from_slice(&body).unwrap_or_default(), held };
    kept.lock().expect("kept").push(asked.clone());
    let (status, body) = answers(&asked);
    let body = body.to_string();
    let start = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nConnection: close\r\n");
    // Who has gone reads nothing.
    let _ = stream.write_all(format!("{start}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
}

/// A refusal of this kind.
pub(crate) fn problem(status: u16, kind: &str) -> (u16, Value) {
    (status, json!({"type": format!("urn:flightdeck:problem:{kind}"), "detail": kind, "status": status}))
}

/// An agent that keeps what it is handed.
#[derive(Default)]
pub(crate) struct Agent(Mutex<Vec<(Command, Option<Message>)>>);

impl Agent {
    /// What it was handed: the kind of each command, and what its message says.
    pub(crate) fn handed(&self) -> Vec<(String, Option<String>)> {
        let handed = self.0.lock().expect("kept");
        let told = |(command, message): &(Command, Option<Message>)| {
            (command.kind.as_str().to_owned(), message.as_ref().map(|message| message.content.to_string()))
        };
        handed.iter().map(told).collect()
    }
}

#[async_trait]
impl AgentProvider for Agent {
    fn name(&self) -> ProviderName {
        ProviderName::acp()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: true,
            approve: true,
            spawn: true,
            in_process: true,
        }
    }

    async fn check(&self, _agent_type: &AgentType, _context: &JsonObject) -> Result<(), SpawnError> {
        Ok(())
    }

    async fn spawn(&self, _session: &Session, _prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        Ok(())
    }

    async fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        self.0.lock().expect("kept").push((command.clone(), message));
        Ok(())
    }
}

/// An assignment at work, with its outbox.
pub(crate) struct AtWork {
    pub(crate) held: Arc<Held>,
    pub(crate) all: AllHeld,
    pub(crate) agent: Arc<Agent>,
    pub(crate) outbox: Outbox,
    _folder: tempfile::TempDir,
}

impl AtWork {
    /// The assignment of session 1.
    pub(crate) async fn at(server: &FakeServer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = Outbox::open(folder.path()).expect("opened");
        outbox.hold(id(1), 7).await.expect("kept");
        let agent = Arc::new(Agent::default());
        let held = Arc::new(Held::new(session(1), server.link().acting_for(id(1), 7), agent.clone(), None));
        let all = AllHeld::default();
        all.add(id(1), &held);
        Self { held, all, agent, outbox, _folder: folder }
    }

    /// The agent says something in a session.
    pub(crate) async fn say(&self, n: u128, text: &str) {
        let path = format!("/agents/{}/messages", id(n));
        let body = json!({"content": text}).to_string();
        self.outbox.put(id(1), "message", path, body).await.expect("kept");
        self.held.stirred.notify_waiters();
    }

    /// The agent has ended so, as the runner knows.
    pub(crate) fn ends(&self, n: u128) {
        let session = self.held.session(id(n)).expect("known");
        self.held.set(Session { status: SessionStatus::Completed, ..session });
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("still not: {what}");
}
