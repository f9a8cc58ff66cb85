//! The conformance suite that every provider must pass.
//!
//! The doc comments of [`flightdeck_domain::ports::AgentProvider`] say what a provider promises; this crate proves it on real
//! agents. A case is a plain async function over a [`Fixture`], in the file of its subject, and its name is the promise. It
//! acts through the ports and use cases of the domain, as an operator does, and looks at what is on record. So it does not
//! matter where the agents are: in this process, in child processes, or behind a runner on another machine.
//!
//! # Running it on a provider
//! The fixture has a store, the provider, and agents that behave in the ways of [`Behaviour`]. The provider's crate has one file
//! `tests/contract.rs`:
//!
//! ```text
//! struct OwnFixture { /* ports, providers */ }
//!
//! #[async_trait]
//! impl Fixture for OwnFixture { /* … */ }
//!
//! flightdeck_provider_contract::provider_tests! {
//!     OwnFixture::new();
//!     without steer "its agents take nothing into a running turn"
//! }
//! ```
//!
//! The expression is evaluated anew in every test, inside an async function: tests share nothing and may run in any order. Each
//! case becomes one test `<file>::<case>` on tokio's multi-thread runtime, so the provider's crate needs `tokio` with `macros`
//! and `rt-multi-thread` (and `async-trait`) among its dev-dependencies.
//!
//! A case that needs what the agents cannot do is ignored, with the reason. The list behind `without` has to say the same as
//! [`Fixture::capabilities`]; a test of its own compares them. The words are those of [`Need::as_str`].
//!
//! A test program of its own (`harness = false`) lists the cases with [`provider_cases!`], which asks the fixture alone:
//! [`Case::run`] says whether a case was passed or is to be reported as ignored.
//!
//! # Adding a case
//! Write it in the file of its subject, and add its name to the list in `cases.rs`; a test of this crate fails when it is not
//! listed. A case never sleeps for a fixed time. It waits for what it promises, twenty seconds at most. That something does
//! *not* happen it shows by another agent, which says its lines meanwhile.
//!
//! # What does not belong here
//! Any concrete provider or store, and what only one provider promises.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "this is the body of tests; a broken promise is a panic"
)]

pub mod approval;
mod cases;
pub mod control;
pub mod end;
mod fixture;
pub mod inject;
pub mod kill;
pub mod outage;
mod script;
pub mod speech;
mod stage;
pub mod start;

pub use cases::{Case, Outcome};
#[doc(hidden)]
pub use cases::{assert_declared, lacking};
pub use fixture::{BYE, Behaviour, Capabilities, FAULT, Fixture, LINES, MANY, Need, TICK, TITLE, Wanted};
pub use script::script;
