//! The provider `acp`: agents that people use, run as child processes that speak the Agent Client Protocol (version 1) over
//! their standard input and output.
//!
//! # Which agents
//! Those that the configuration allows ([`AgentConfig`]), by name; a session's `agentType` is the name. Nothing of a
//! request reaches a command line: the prompt goes over the protocol. Of the session's `context` is heeded how the session is
//! opened ([`Settings`], `resume`: the agent's own id of an earlier session), and where and with which credentials the agent works
//! (`cwd` within the setting `roots`, `worktree`, `env`); any other key is refused by name.
//!
//! # How such an agent lives
//! - It gets a process group, a cleared environment and limits of its own (`flightdeck-processes`). When as many agents run
//!   as the configuration allows, the next waits for its turn, first come first served; meanwhile its session is `spawning`.
//! - What it writes is read leniently (`flightdeck-agent-io`): no message that is malformed, unknown or misplaced ends it or
//!   keeps a turn from ending, and what cannot be read is told in the conversation. Lines that are no messages go to its log.
//! - The prompt enters the conversation as its first message, with the role `user`; then the agent reports `running`.
//! - What it says becomes messages, one for each item, however many pieces it came in ([`transcript`]); while an item grows
//!   it is shown as a preview. Outside of a turn an item is complete after a short silence.
//! - What it tells of another session of its own becomes a session below this one, which ends with the turn.
//! - A permission request becomes an approval, in a turn or outside of one, and the decision goes back to the agent. The
//!   call is in the conversation before the approval is open, and one that is rejected is closed there.
//! - A stop reason ends the turn: `idle`, with the stop reason as the reason.
//! - **Inject**: `queue` waits here, not in the agent, until the turn has ended, for agents drop what they have queued when
//!   they are cancelled. `interrupt` cancels the turn, waits until the agent has said so, and is then the next prompt.
//!   `steer` is given to the agent at once where the configuration says that it takes a prompt into a running turn;
//!   elsewhere it is refused while a turn runs, and the receipt says so.
//! - **Receipts**: `delivered` when the prompt is on its way to the agent, `consumed` when the agent has it in a turn: it
//!   has reacted, and no earlier prompt is without an answer.
//! - **Pause** takes effect between two turns, or freezes the processes where the configuration says so; who is frozen for
//!   longer than the cap goes on and is paused when the turn ends.
//! - **Kill**: `session/cancel`, TERM, KILL, each with a deadline; `killed` is reported when nothing is left of the agent and
//!   of all that it started.
//!
//! # What does not belong here
//! HTTP, SQL, and rules: what is legal is the domain's to say.

// The schema of the settings is one long literal.
#![recursion_limit = "256"]

mod agent;
mod config;
mod environment;
mod kind;
mod peer;
mod places;
mod provider;
mod schema;
mod settings;
pub mod transcript;
mod trial;
mod workplace;
mod worktree;

pub use config::{AgentConfig, InvalidAgent, PauseBy, UsageScope};
pub use environment::Environment;
pub use provider::{AcpProvider, Home};
pub use settings::Settings;
