//! What a provider gives to be tested.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName};
use flightdeck_domain::use_cases::{Ports, Providers};

/// How an agent of the fixture behaves.
///
/// A *line* is one of the texts that are named here. An agent says it as a message of its own or within a longer one, with the
/// role `assistant`, and may say other words around it, such as a greeting. Every agent that is idle answers a message that
/// comes with a turn in which it says the text of the message back, among other words, and is idle again; one that is steered
/// or interrupted does so, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// In its first turn it says [`LINES`], in order, with about 50 ms between two of them. Then it is idle.
    Says,
    /// In its first turn it says [`TICK`] about every 20 ms, each in a message of its own, until it is stopped or its turn is.
    Works,
    /// In its first turn it asks for permission with the title [`TITLE`], offers to allow once and to reject once, and says
    /// what was decided ([`Fixture::says_when`]). Then it is idle.
    Asks,
    /// In its first turn it starts an agent below itself. Both are there until they are stopped.
    Delegates,
    /// It says [`BYE`] and ends by itself, in order.
    Ends,
    /// It ends by itself, with an error that tells of [`FAULT`].
    Fails,
    /// It cannot be started.
    CannotStart,
    /// It says [`MANY`] messages, of which message n, counted from 0, is `#N;` with N = n modulo 100. Then it is idle, or ends
    /// in order.
    SaysMuch,
    /// It writes bytes that nobody can read, says [`BYE`] and is idle.
    WritesGarbage,
    /// It says [`BYE`], and then neither hears that its turn is to end nor obeys a polite stop (SIGTERM).
    Stubborn,
}

/// What an agent says in turn, one after the other.
pub const LINES: [&str; 10] = [
    "line one;",
    "line two;",
    "line three;",
    "line four;",
    "line five;",
    "line six;",
    "line seven;",
    "line eight;",
    "line nine;",
    "line ten;",
];
/// What an agent at work says.
pub const TICK: &str = "tick;";
/// What permission is asked for.
pub const TITLE: &str = "Push to main";
/// The last words of an agent.
pub const BYE: &str = "bye;";
/// What an agent says went wrong.
pub const FAULT: &str = "out of fuel";
/// The messages of one that says very much.
pub const MANY: usize = 5_000;

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The provider, or the configuration.
    pub provider: ProviderName,
    /// The type of agent.
    pub agent_type: AgentType,
    /// The context of the session.
    pub context: JsonObject,
    /// The first prompt.
    pub prompt: MessageContent,
}

/// What a case needs, besides what every provider can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A message reaches a running turn.
    Steer,
    /// An agent is paused within a turn; otherwise it pauses when its turn ends.
    PauseInTurn,
    /// Agents ask for permission.
    Approvals,
    /// Agents start others below themselves.
    Delegation,
    /// Agents are programs: they leave something on the machine, and can ignore a polite stop.
    Programs,
    /// Agents speak in bytes, which can be unreadable.
    Bytes,
    /// An agent can be made to crash.
    Crash,
    /// The store can be taken away from agents.
    Outage,
}

impl Need {
    /// Every need.
    pub const ALL: [Self; 8] = [
        Self::Steer,
        Self::PauseInTurn,
        Self::Approvals,
        Self::Delegation,
        Self::Programs,
        Self::Bytes,
        Self::Crash,
        Self::Outage,
    ];

    /// The word in [`provider_tests!`](crate::provider_tests) and in the list of cases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steer => "steer",
            Self::PauseInTurn => "pause_in_turn",
            Self::Approvals => "approvals",
            Self::Delegation => "delegation",
            Self::Programs => "programs",
            Self::Bytes => "bytes",
            Self::Crash => "crash",
            Self::Outage => "outage",
        }
    }
}

/// What the agents of a fixture can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    lacks: BTreeMap<Need, &'static str>,
}

impl Capabilities {
    /// Whatever a case needs.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// All but this, and why.
    #[must_use]
    pub fn without(mut self, need: Need, why: &'static str) -> Self {
        self.lacks.insert(need, why);
        self
    }

    /// Why this cannot be done; `None` when it can.
    #[must_use]
    pub fn lack(&self, need: Need) -> Option<&'static str> {
        self.lacks.get(&need).copied()
    }
}

/// A deployment with one provider under test, and agents that behave as is wished. Dropping it ends whatever it has started.
///
/// The store is the fixture's choice. The suite reads it and acts on it through the domain's ports and use cases alone, so that
/// the agents may be anywhere.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The ports of the deployment. Time and ids are real ones.
    fn ports(&self) -> &Ports;

    /// The provider under test, among others.
    fn providers(&self) -> &Providers;

    /// What starts an agent that behaves like this.
    fn wants(&self, behaviour: Behaviour) -> Wanted;

    /// What the agents can do, where fixtures differ.
    fn capabilities(&self) -> Capabilities;

    /// What an agent that [asks](Behaviour::Asks) says, among other words, when this was decided.
    fn says_when(&self, decided: ApprovalOption) -> &'static str;

    /// Whether a program of this session's agent, or one that it has started, is left on this machine; `None` where agents are
    /// no programs.
    async fn is_running(&self, session: SessionId) -> Option<bool>;

    /// Has the agent of a session that works or asks crash, as if by SIGKILL. It may take until the agent does something next.
    /// Needs [`Need::Crash`].
    async fn crash(&self, session: SessionId) {
        let _ = session;
    }

    /// Takes the store away from the agents, and comes back when one of them has met that. The suite can still use it. Needs
    /// [`Need::Outage`].
    async fn unplug(&self) {}

    /// Ends what [`Fixture::unplug`] began.
    async fn plug_in(&self) {}
}
