//! The rules of Flightdeck, mission control for fleets of AI agents, without any of its machinery.
//!
//! # Reading order
//! 1. [`session`]: one agent at work, a node of the session tree; [`session::SessionStatus`] is the status machine and
//!    [`session::Registration`] holds the rules of the tree.
//! 2. [`message`]: the conversation of a session, dense by [`ids::Seq`].
//! 3. [`action`]: a person steps in. [`action::OperatorAction`] decides itself and always brings its [`audit`] entry.
//! 4. [`command`]: what is left for the agent to do, with a receipt.
//! 5. [`approval`]: the agent asks for permission, a person decides.
//! 6. [`operation`]: one wish for one or many sessions, kept until it is proven what became of it; [`feed`]: the one durable
//!    order of everything that happened to sessions.
//! 7. [`usage`]: what agents say they used, summed up, and budgets over it.
//! 8. [`operator`], [`api_key`] and [`login`]: who may do what.
//! 9. [`ports`]: what the rules need of the world outside, as traits; a store, a provider or a clock implements them.
//! 10. [`transactions`]: in which order a change is read, decided and written, once for all stores.
//! 11. [`use_cases`]: one file for each thing that Flightdeck does; each needs ports only and is tested with mocks alone.
//!
//! # How a change is made
//! The rules are pure functions over values. A transaction is a script ([`transactions`]) over small operations on rows
//! ([`ports::Tx`]): it reads the facts, asks the rule ([`session::Registration::admit`], [`session::Session::observe`],
//! [`session::Session::append`], [`action::OperatorAction::decide`], [`approval::Ask::open`],
//! [`approval::ApprovalAction::decide`]), and writes exactly what the rule gives back. A store implements the operations and
//! runs the scripts; so every store obeys the same rules in the same order, and none of them knows any.
//!
//! # What does not belong here
//! SQL, HTTP, an async runtime, and any reading of the clock or of random numbers besides [`ports::Clock`] and
//! [`ports::IdGenerator`]. The feature `system` brings the one adapter of those two, the feature `mocks` mocks of all ports, the
//! feature `faults` transactions that break off on purpose.

pub mod action;
pub mod api_key;
pub mod approval;
pub mod audit;
pub mod command;
pub mod epoch;
pub mod feed;
#[cfg(test)]
mod fixtures;
mod hex;
pub mod ids;
pub mod login;
pub mod message;
pub mod number;
pub mod operation;
pub mod operator;
pub mod ports;
pub mod prelude;
pub mod session;
#[cfg(feature = "system")]
pub mod system;
pub mod text;
pub mod time;
pub mod transactions;
pub mod usage;
pub mod use_cases;
