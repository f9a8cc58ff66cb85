//! One server of several on one store: use cases, hints, tails, and a provider whose agents live in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{AgentProvider, Capabilities, DeliverError, PauseCapability, SpawnError};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, ReplicaName};
use flightdeck_domain::use_cases::{ExpireLeases, OfferCommands, Ports, Providers};
use flightdeck_live::{ConversationTails, Conversations, FleetFeedLog, Hints, TailOptions, Tails};
use flightdeck_store_memory::{FaultyStore, MemoryStore};

use crate::chance::{SimClock, SimIds};
use crate::wire::{Shared, SimWakeUps};

/// How long an agent may be silent.
pub(crate) const LEASE: Duration = Duration::from_mins(1);

/// Small tails, so that readers fall behind them.
const TAILS: TailOptions =
    TailOptions { max_frames: 6, max_bytes: 4_096, page: 3, poll: Duration::from_secs(1), receipts_told_again: 1 };

/// What all replicas share.
pub(crate) struct Around {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) ids: Arc<SimIds>,
    pub(crate) wire: Shared,
}

pub(crate) struct Replica {
    pub(crate) store: Arc<FaultyStore>,
    /// What the tails read does not meet the faults of calls.
    pub(crate) reads: Arc<FaultyStore>,
    pub(crate) ports: Ports,
    pub(crate) providers: Providers,
    pub(crate) robots: Arc<Robots>,
    pub(crate) leases: Arc<ExpireLeases>,
    /// `None` before the start is done, and while it is at it.
    pub(crate) offer: Option<OfferCommands>,
    pub(crate) feed: Tails<FleetFeedLog>,
    pub(crate) talks: ConversationTails,
}

/// The name of a replica.
pub(crate) fn name(me: usize) -> ReplicaName {
    ReplicaName::new(format!("replica-{me}")).expect("valid")
}

impl Replica {
    /// A replica with fresh memory, which has not looked at the store yet.
    pub(crate) fn new(me: usize, around: &Around) -> Self {
        let hints = Arc::new(Hints::default());
        around.wire.connect(me, Some(Arc::clone(&hints)));
        let store = Arc::new(FaultyStore::new(Arc::clone(&around.store)));
        let wake_ups = Arc::new(SimWakeUps { me, wire: around.wire.clone() });
        let ports = Ports::from_store(Arc::clone(&store), wake_ups, around.clock.clone(), around.ids.clone());
        let robots = Arc::new(Robots::default());
        let providers = Providers::default().with(robots.clone()).at_replica(name(me));
        let reads = Arc::new(FaultyStore::new(Arc::clone(&around.store)));
        let runtime = tokio::runtime::Handle::current();
        let feed = FleetFeedLog::new(
            reads.clone(),
            Arc::clone(&hints),
            |event| Bytes::from(event.position.get().to_string()),
            |cut| panic!("nothing is ever removed here: {cut:?}"),
        );
        let conversations = Conversations::new(reads.clone(), Arc::clone(&hints), |said, receipt| {
            let receipt = receipt.map_or("-", |receipt| receipt.receipt.as_str());
            Bytes::from(format!("message {} {} {receipt}", said.seq, said.id))
        });
        let told = |event: &flightdeck_domain::feed::FleetEvent| {
            let state = event.data.as_map()["receipt"]["state"].as_str().expect("a state").to_owned();
            let seq = event.message_seq().map_or(0, flightdeck_domain::ids::Seq::get);
            Bytes::from(format!("receipt {seq} - {state}"))
        };
        let talks = ConversationTails::new(conversations, reads.clone(), hints, told, TAILS, &runtime);
        let leases = Arc::new(ExpireLeases::new(&ports, &providers, LEASE));
        let feed = Tails::new(feed, TAILS, runtime);
        Self { store, reads, ports, providers, robots, leases, offer: None, feed, talks }
    }
}

/// Runs agents within the process. It hears of each command once.
#[derive(Default)]
pub(crate) struct Robots {
    mailboxes: Mutex<BTreeMap<SessionId, Mailbox>>,
}

#[derive(Default)]
struct Mailbox {
    reached: CommandSeq,
    due: Vec<Command>,
}

impl Robots {
    pub(crate) fn name() -> ProviderName {
        ProviderName::new("robots").expect("valid")
    }

    fn mailboxes(&self) -> MutexGuard<'_, BTreeMap<SessionId, Mailbox>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far an agent has heard of its commands.
    pub(crate) fn reached(&self, session: SessionId) -> Option<CommandSeq> {
        self.mailboxes().get(&session).map(|mailbox| mailbox.reached)
    }

    /// What an agent has not looked at yet.
    pub(crate) fn collect(&self, session: SessionId) -> Vec<Command> {
        self.mailboxes().get_mut(&session).map(|mailbox| std::mem::take(&mut mailbox.due)).unwrap_or_default()
    }

    /// An agent has found commands by itself.
    pub(crate) fn found(&self, session: SessionId, commands: &[Command]) {
        if let Some(mailbox) = self.mailboxes().get_mut(&session) {
            for command in commands {
                mailbox.hear(command);
            }
        }
    }

    /// An agent is gone.
    pub(crate) fn end(&self, session: SessionId) {
        self.mailboxes().remove(&session);
    }
}

impl Mailbox {
    fn hear(&mut self, command: &Command) {
        if command.seq > self.reached {
            self.reached = command.seq;
            self.due.push(command.clone());
        }
    }
}

#[async_trait]
impl AgentProvider for Robots {
    fn name(&self) -> ProviderName {
        Self::name()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            pause: Some(PauseCapability::Turn),
            steer: true,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process: true,
        }
    }

    async fn check(&self, _agent_type: &AgentType, _context: &JsonObject) -> Result<(), SpawnError> {
        Ok(())
    }

    async fn spawn(&self, session: &Session, _prompt: Option<MessageContent>) -> Result<(), SpawnError> {
        self.mailboxes().insert(session.id, Mailbox::default());
        Ok(())
    }

    async fn deliver(&self, command: &Command, _message: Option<Message>) -> Result<(), DeliverError> {
        let mut mailboxes = self.mailboxes();
        let mailbox = mailboxes.get_mut(&command.session_id).ok_or(DeliverError::NotRunning(command.session_id))?;
        mailbox.hear(command);
        Ok(())
    }
}
