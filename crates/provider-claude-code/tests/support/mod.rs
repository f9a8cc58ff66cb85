//! A deployment in memory, and somebody who steps in.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::action::{Intervention, Origin};
use flightdeck_domain::command::{CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{HookCall, HookError, HookReceiver, SessionFilter, SessionQuery};
use flightdeck_domain::session::Session;
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{MessageContent, RequestId};
use flightdeck_domain::use_cases::{Intervene, Ports, Providers};
use flightdeck_provider_claude_code::{ClaudeCode, ClaudeCodeProvider};
use flightdeck_store_memory::MemoryStore;
use serde_json::{Value, json};
use uuid::Uuid;

/// The id that Claude Code gives its session.
pub(crate) const CLAUDE: &str = "00893aaf-19fa-41d2-8238-13269b9b3ca0";

pub(crate) struct Desk {
    pub(crate) ports: Ports,
    pub(crate) hooks: Arc<ClaudeCode>,
    intervene: Intervene,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let ports = Ports::from_store(store, Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds));
        let providers = Providers::default().with(Arc::new(ClaudeCodeProvider));
        Self { hooks: Arc::new(ClaudeCode::new(&ports)), intervene: Intervene::new(&ports, &providers), ports }
    }

    /// One that shares the store and nothing else, as another replica would.
    pub(crate) fn replica(&self) -> Self {
        let providers = Providers::default();
        let ports = self.ports.clone();
        Self { hooks: Arc::new(ClaudeCode::new(&ports)), intervene: Intervene::new(&ports, &providers), ports }
    }

    pub(crate) async fn try_hook(&self, call: HookCall) -> Result<Value, HookError> {
        self.hooks.take(call).await
    }

    /// Takes a body and gives the answer.
    pub(crate) async fn hook(&self, body: Value) -> Value {
        self.try_hook(call(body)).await.expect("taken")
    }

    pub(crate) async fn sessions(&self) -> Vec<Session> {
        let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: 100, heads_only: false };
        let mut sessions = self.ports.sessions.list(query).await.expect("read").sessions;
        sessions.reverse();
        sessions
    }

    /// The only session, or the one without a parent.
    pub(crate) async fn top(&self) -> Session {
        self.sessions().await.into_iter().find(|session| session.parent_id.is_none()).expect("a session")
    }

    pub(crate) async fn said(&self, session: SessionId) -> Vec<Message> {
        let slice = self.ports.messages.after(session, Seq::ZERO, 1_000).await.expect("read");
        slice.expect("the session is there").messages
    }

    /// The conversation without what tells of a status, as `role: content`.
    pub(crate) async fn told(&self, session: SessionId) -> Vec<String> {
        let messages = self.said(session).await.into_iter();
        let told = messages.filter(|message| message.metadata.as_map().get("type") != Some(&json!("status")));
        told.map(|message| format!("{}: {}", message.role, message.content)).collect()
    }

    pub(crate) async fn step_in(&self, session: SessionId, intervention: Intervention) {
        let origin = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
        self.intervene.execute(session, intervention, origin).await.expect("accepted");
    }

    pub(crate) async fn because(&self, session: SessionId, intervention: Intervention, why: &str) {
        let origin = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
        let origin = origin.because(flightdeck_domain::text::Reason::new(why).ok());
        self.intervene.execute(session, intervention, origin).await.expect("accepted");
    }

    pub(crate) async fn inject(&self, session: SessionId, text: &str, delivery: Delivery) {
        let content = MessageContent::new(text).expect("valid");
        let message_id = MessageId::new(Uuid::new_v5(session.as_uuid(), text.as_bytes()));
        self.step_in(session, Intervention::Inject { message_id, content, delivery }).await;
    }

    /// What became of what was injected.
    pub(crate) async fn receipts(&self, session: SessionId) -> Vec<Receipt> {
        let slice = self.ports.messages.after(session, Seq::ZERO, 1_000).await.expect("read").expect("there");
        let mut receipts: Vec<_> = slice.receipts.into_values().collect();
        receipts.sort_by_key(|receipt| receipt.command_seq);
        receipts.into_iter().map(|receipt| receipt.receipt).collect()
    }

    pub(crate) async fn pending(&self, session: SessionId) -> Vec<CommandKind> {
        let pending = self.ports.commands.pending(session, flightdeck_domain::ids::CommandSeq::ZERO, 100);
        pending.await.expect("read").expect("there").into_iter().map(|command| command.kind).collect()
    }
}

pub(crate) fn call(body: Value) -> HookCall {
    let Value::Object(body) = body else { panic!("an object") };
    HookCall {
        body,
        unread: None,
        hold: Duration::from_secs(50),
        deny_when_away: false,
        bound_to: None,
        mission_id: None,
        task_id: None,
    }
}

/// A body with the fields that every hook has, and these.
pub(crate) fn body(event: &str, fields: Value) -> Value {
    let mut body = json!({
        "session_id": CLAUDE,
        "transcript_path": "/home/ana/.claude/projects/-home-ana-shop/00893aaf.jsonl",
        "cwd": "/home/ana/shop",
        "permission_mode": "default",
        "hook_event_name": event,
    });
    let all = body.as_object_mut().expect("an object");
    all.extend(fields.as_object().cloned().expect("an object"));
    body
}

pub(crate) fn before(id: &str, command: &str) -> Value {
    body("PreToolUse", json!({"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": id}))
}

pub(crate) fn after(id: &str, command: &str, output: &str) -> Value {
    let response = json!({"stdout": output, "stderr": "", "interrupted": false, "isImage": false});
    let input = json!({"command": command});
    body("PostToolUse", json!({"tool_name": "Bash", "tool_input": input, "tool_response": response, "tool_use_id": id}))
}

pub(crate) fn prompt(text: &str) -> Value {
    body("UserPromptSubmit", json!({"prompt": text}))
}

pub(crate) fn stop(text: &str) -> Value {
    body("Stop", json!({"stop_hook_active": false, "last_assistant_message": text}))
}

/// The same from within a sub-agent.
pub(crate) fn within(agent: &str, mut body: Value) -> Value {
    let fields = body.as_object_mut().expect("an object");
    fields.insert("agent_id".to_owned(), agent.into());
    fields.insert("agent_type".to_owned(), "Explore".into());
    body
}
