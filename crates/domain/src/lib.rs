//! The rules of Flightdeck, mission control for fleets of AI agents, without database, HTTP or runtime.
//!
//! # Reading order
//! 1. [`session`]: one agent at work, a node of the session tree; [`session::SessionStatus`] is the status machine and
//!    [`session::Registration`] holds the rules of the tree.
//! 2. [`message`]: the conversation of a session, dense by [`ids::Seq`].
//! 3. [`action`]: an operator steps in. [`action::OperatorAction`] is decided together with its [`audit`] entry.
//! 4. [`command`]: what the agent has still to do, with a receipt.
//! 5. [`approval`]: the agent asks for permission, an operator decides.
//! 6. [`operation`]: one wish for one or many sessions, kept until it is proven what became of it; [`feed`]: the one durable
//!    order of everything that happened to sessions.
//! 7. [`usage`]: what agents report that they used, summed up, and budgets over it.
//! 8. [`operator`], [`api_key`], [`mission_set`] and [`login`]: who may do what; [`provider_config`]: which agents may be
//!    run, and how; [`runner`]: where.
//!    [`guard`]: agents that run wild.
//!    [`survey`]: the fleet in numbers.
//! 9. [`sink`]: what must reach a person or a system outside.
//! 10. [`telemetry`]: what agents tell over OpenTelemetry, and sessions as traces.
//! 11. [`retention`]: how long what has ended is kept, and where it is afterwards.
//! 12. [`changes`]: what an agent changed in the folder that it works in.
//! 13. [`ports`]: what the rules need from outside, as traits; a store, a provider or a clock implements them.
//! 14. [`transactions`]: in which order a change is read, decided and written, once for all stores.
//! 15. [`use_cases`]: one file for each thing that Flightdeck does; each needs only ports, and its tests only mocks.
//!
//! # How a change is made
//! The rules are pure functions over values. A transaction is a script ([`transactions`]) over small operations on rows
//! ([`ports::Tx`]): it reads the facts, asks the rule ([`session::Registration::admit`], [`session::Session::observe`],
//! [`session::Session::append`], [`action::OperatorAction::decide`], [`approval::Ask::open`],
//! [`approval::ApprovalAction::decide`]), and writes exactly the result of the rule. A store implements the operations
//! and runs the scripts. So every store follows the same rules in the same order, and no store contains a rule.
//!
//! # What does not belong here
//! SQL, HTTP, an async runtime, and any reading of the clock or of random numbers other than by [`ports::Clock`] and
//! [`ports::IdGenerator`]. The feature `system` has the one adapter of those two, the feature `mocks` has mocks of all
//! ports, and the feature `faults` has transactions that fail on purpose.

pub mod action;
pub mod api_key;
pub mod approval;
pub mod audit;
pub mod changes;
pub mod command;
pub mod day;
pub mod epoch;
pub mod feed;
#[cfg(test)]
mod fixtures;
pub mod guard;
mod hex;
pub mod ids;
pub mod login;
pub mod message;
pub mod mission_set;
mod name;
pub mod number;
pub mod operation;
pub mod operator;
pub mod ports;
pub mod prelude;
pub mod provider_config;
pub mod retention;
pub mod runner;
pub mod session;
pub mod sink;
pub mod survey;
#[cfg(feature = "system")]
pub mod system;
pub mod telemetry;
pub mod text;
pub mod time;
pub mod transactions;
pub mod usage;
pub mod use_cases;
