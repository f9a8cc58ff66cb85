//! Claude Code, seen and steered through its hooks.
//!
//! Claude Code calls a hook at points of its work, says what it is about to do or has done, and waits for the answer.
//! [`ClaudeCode`] takes the body of such a call, writes down what it tells (a session, a sub-agent, a prompt, a tool call),
//! and answers with what an operator wants: wait, take this in, stop.
//!
//! *Invariant: nothing is remembered here.* The ids of sessions and messages follow from Claude Code's own
//! (`ids`), and everything else is in the store. So any replica can answer any hook, and a body that comes twice is
//! written once.
//!
//! *Invariant: an answer to one who is stopped or held is never weaker because its hook could not be read, came late, or came
//! after an announced end.* Which answer stops which event is in `reply`, what can still run in `open`.
//!
//! *Invariant: what is unknown is data.* Fields that are not known are kept with the message, events that are not known are
//! messages of their own.
//!
//! # What does not belong here
//! HTTP and SQL: it works over the domain's ports. Which fields Claude Code sends, and how that was found out, is in
//! `docs/agents.md`.

mod closing;
mod control;
mod cover;
mod hold;
mod hook;
mod ids;
mod meter;
mod open;
mod permission;
mod place;
mod provider;
mod receiver;
mod record;
mod reply;
mod said;
mod transcript;

pub use provider::ClaudeCodeProvider;
pub use receiver::ClaudeCode;
