//! `flightdeck runner`: the same binary on another machine. It joins a server as a runner, leases assignments, starts their
//! agents with the providers of the server (`flightdeck-provider-acp`, `flightdeck-provider-scripted`), and reports for them.
//!
//! # How a report arrives
//! An agent reports through a [`Desk`](flightdeck_uplink::Desk). The one here (`desk`) writes each report into the outbox
//! (`outbox`), a small SQLite of the runner, and answers when it is durable. One courier (`courier`) for each assignment sends
//! what is in the outbox in its order, again and again until the server has it. So what an agent says while the server is
//! away arrives whole, once and in order; and after a `kill -9` the next start of the runner sends what is left, and says
//! that the agents were lost with the runner.
//!
//! # How control arrives
//! For each session there are ears (`ears`): they wait at the server for commands, and hand them to the agent. When the
//! connection was lost they ask at once when it is back, before the courier goes on.
//!
//! # What is told of folders
//! The server does not see the folders of the agents. Their states are kept here (`states`) while the agents are at work, and
//! what differs goes through the outbox like any other report; of what has not arrived the last word counts alone.
//!
//! # What does not belong here
//! Rules of sessions: the mirror of a session (`held`) asks the domain. What a server decides.

mod command;
mod courier;
mod desk;
mod earlier;
mod ears;
mod held;
mod link;
mod messages;
mod outbox;
mod program;
mod run;
mod started;
mod states;
#[cfg(test)]
mod testing;
mod views;

pub use command::RunnerArgs;
pub use run::run;
