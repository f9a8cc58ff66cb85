//! One agent: how it plays its script, and how it ends.

mod ask;
mod obey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::ids::{ApprovalId, CommandSeq, SessionId};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::{Choice, SessionStatus};
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName, Reason};
use flightdeck_domain::usage::Usage;
use flightdeck_domain::use_cases::NewSession;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::obey::Injected;
use crate::provider::Agents;
use crate::script::{Child, Script, Step, Tool};
use flightdeck_uplink::{Interruption, Mailbox, Order};
use flightdeck_uplink::{Stop, Uplink};

/// What an agent is started with.
pub(crate) struct Start {
    pub(crate) session: SessionId,
    pub(crate) script: Option<Script>,
    pub(crate) prompt: Option<MessageContent>,
}

/// An agent at work; one task owns it.
pub(crate) struct Agent {
    agents: Arc<Agents>,
    uplink: Uplink,
    /// What it last reported.
    status: SessionStatus,
    /// What each of its texts uses.
    usage: Option<Usage>,
    /// When it last reported anything.
    reported: Instant,
    /// Pauses and resumes that are still to be obeyed.
    controls: BTreeMap<CommandSeq, Order>,
    /// Messages that are still to be answered.
    injected: BTreeMap<CommandSeq, Injected>,
    /// Interrupts that are still to be obeyed.
    interrupts: BTreeSet<CommandSeq>,
    /// What it waits to have decided.
    asking: Option<ApprovalId>,
    /// Commands taken in whose receipt is not final.
    unsettled: BTreeSet<CommandSeq>,
    /// What operators chose, and it has not taken yet.
    chosen: Vec<(CommandSeq, Choice)>,
    /// The newest pause or resume that was obeyed.
    newest_control: CommandSeq,
    /// Up to which command the queue was searched for ones that nobody handed over.
    searched: CommandSeq,
}

impl Agent {
    pub(crate) fn new(agents: Arc<Agents>, session: SessionId, mailbox: Arc<Mailbox>) -> Self {
        let uplink = Uplink { session, mailbox, desk: Arc::clone(&agents.desk) };
        Self {
            agents,
            uplink,
            status: SessionStatus::Spawning,
            usage: None,
            reported: Instant::now(),
            controls: BTreeMap::new(),
            injected: BTreeMap::new(),
            interrupts: BTreeSet::new(),
            asking: None,
            unsettled: BTreeSet::new(),
            chosen: Vec::new(),
            newest_control: CommandSeq::ZERO,
            searched: CommandSeq::ZERO,
        }
    }

    /// Lives: plays the script and reports how it ended.
    pub(crate) async fn run(mut self, start: Start) {
        let mut end = self.play(start).await;
        // A kill, also a second one, may still come while the end is being reported to a store that is away.
        while let Err(stop) = self.report_end(end).await {
            end = Err(stop);
        }
    }

    async fn report_end(&mut self, end: Result<(), Stop>) -> Result<(), Stop> {
        match end {
            Ok(()) => self.see(SessionStatus::Completed, None).await,
            Err(Stop::Failed(reason)) => self.see(SessionStatus::Failed, Some(reason)).await,
            Err(Stop::Interrupted(Interruption::Killed(kill))) => self.die(*kill).await,
            // Nobody may say how the sessions of a server that goes down ended but the next start, which knows.
            Err(Stop::Interrupted(Interruption::ShutDown) | Stop::Closed) => Ok(()),
        }
    }

    /// Reports the death. The record settles the receipt of the kill in the same transaction, so that `consumed` is never
    /// there before `killed`.
    async fn die(&mut self, kill: Command) -> Result<(), Stop> {
        self.uplink.acknowledge(kill.seq, Receipt::Delivered).await?;
        self.see(SessionStatus::Killed, kill.reason).await
    }

    async fn play(&mut self, start: Start) -> Result<(), Stop> {
        let script = start.script.unwrap_or_else(|| Script::default_for(start.prompt.as_ref()));
        self.usage = script.usage;
        if let Some(prompt) = start.prompt {
            self.tell(MessageRole::User, prompt, JsonObject::default()).await?;
        }
        self.see(SessionStatus::Running, None).await?;
        for round in 0..script.repeat {
            for (place, step) in script.steps.iter().enumerate() {
                if round > 0 || place > 0 {
                    self.wait(script.pace).await?;
                }
                self.boundary().await?;
                self.step(step).await?;
                // A script without waits must not keep a thread to itself.
                tokio::task::yield_now().await;
            }
        }
        loop {
            self.boundary().await?;
            if self.injected.is_empty() {
                return Ok(());
            }
            self.answer_waiting().await?;
        }
    }

    /// Tells what the model would have written, and with it what that used.
    async fn write(&mut self, text: &MessageContent, metadata: JsonObject) -> Result<(), Stop> {
        let metadata = match &self.usage {
            Some(usage) => usage.clone().within(metadata),
            None => metadata,
        };
        self.tell(MessageRole::Assistant, text.clone(), metadata).await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Say(text) => self.write(text, JsonObject::default()).await,
            Step::Think(text) => self.write(text, metadata(json!({"type": "thought"}))).await,
            Step::Tool(tool) => self.call(tool).await,
            Step::Wait(span) => self.wait(*span).await.map(drop),
            Step::Spawn(child) => self.spawn(child).await,
            Step::Ask(question) => self.ask(question).await,
            Step::EndTurn => self.end_turn().await,
            Step::Idle => loop {
                self.end_turn().await?;
            },
            Step::Fail(reason) => Err(Stop::Failed(reason.clone())),
        }
    }

    async fn call(&mut self, tool: &Tool) -> Result<(), Stop> {
        let input = Value::Object(tool.input.clone());
        let about = json!({"type": "tool_call", "name": tool.name, "input": input});
        if let Ok(call) = MessageContent::new(format!("{} {input}", tool.name)) {
            self.tell(MessageRole::Tool, call, metadata(about)).await?;
        }
        let cut = self.wait(tool.takes).await?;
        let cut_short = MessageContent::new("interrupted by an operator").ok().filter(|_| cut);
        let failed = tool.failed || cut;
        let output = cut_short.unwrap_or_else(|| tool.output.clone());
        let about = json!({"type": "tool_result", "name": tool.name, "failed": failed});
        self.tell(MessageRole::Tool, output, metadata(about)).await
    }

    /// Puts an agent below this one into the tree and starts it; a refusal is told and is no reason to stop.
    async fn spawn(&mut self, child: &Child) -> Result<(), Stop> {
        let new = NewSession {
            parent_id: Some(self.uplink.session),
            provider: ProviderName::scripted(),
            replica: self.agents.replica.clone(),
            mission_id: child.mission_id.clone(),
            task_source: child.task_source.clone(),
            context: child.context.clone(),
            ..NewSession::new(child.task_id.clone(), child.agent_type.clone())
        };
        let (agent, task) = (&child.agent_type, &child.task_id);
        let (text, about) = match self.uplink.register(new).await? {
            Ok(registered) => {
                let session = registered.session.id;
                let start = Start { session, script: child.script.clone(), prompt: child.prompt.clone() };
                self.agents.start(start);
                (format!("spawned {agent} for {task}"), json!({"type": "spawned", "sessionId": session}))
            }
            Err(refused) => {
                (format!("could not spawn {agent} for {task}: {refused}"), json!({"type": "spawn_refused"}))
            }
        };
        match MessageContent::new(text) {
            Ok(text) => self.tell(MessageRole::System, text, metadata(about)).await,
            Err(_) => Ok(()),
        }
    }

    /// Ends the turn. Messages that wait start the next one; without any the agent is idle until one comes.
    async fn end_turn(&mut self) -> Result<(), Stop> {
        self.boundary().await?;
        if self.injected.is_empty() {
            self.see(SessionStatus::Idle, None).await?;
            self.boundary_of_idleness().await?;
            self.see(SessionStatus::Running, None).await?;
        }
        self.answer_waiting().await
    }

    /// Appends a message to the conversation.
    async fn tell(&mut self, role: MessageRole, content: MessageContent, about: JsonObject) -> Result<(), Stop> {
        let control = self.uplink.message(role, content, about).await?;
        self.reported = Instant::now();
        let open = self.unsettled.len() + self.uplink.mailbox.len();
        let pending = control.map_or(0, |control| control.pending_commands);
        if pending > u64::try_from(open).unwrap_or(u64::MAX) { self.uplink.fetch_commands().await } else { Ok(()) }
    }

    /// Reports a status.
    async fn see(&mut self, status: SessionStatus, reason: Option<Reason>) -> Result<(), Stop> {
        let Some(session) = self.uplink.status(status, reason).await? else { return Ok(()) };
        self.status = status;
        self.reported = Instant::now();
        let newest = session.last_command_seq;
        if !status.is_terminal() && newest > self.searched && !self.uplink.mailbox.has_seen_all(newest) {
            self.uplink.fetch_commands().await?;
            self.searched = newest;
        }
        Ok(())
    }
}

fn metadata(value: Value) -> JsonObject {
    // Only a tool's input can be large, and then the message itself still shows it.
    serde_json::from_value(value).unwrap_or_default()
}
