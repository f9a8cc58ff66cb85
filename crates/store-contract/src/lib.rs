//! The conformance suite that every store must pass.
//!
//! The doc comments of [`flightdeck_domain::ports`] say what a store promises; this crate proves it. A case is a plain
//! async function over a [`Harness`], in the file of the port that it is about, and its name is the promise.
//!
//! # Running it against a store
//! The store's crate has one file `tests/contract.rs`:
//!
//! ```text
//! struct SqliteHarness { /* the store and its temporary folder */ }
//!
//! #[async_trait]
//! impl Harness for SqliteHarness { /* store, break_audit, mend_audit */ }
//!
//! #[async_trait]
//! impl DurableHarness for SqliteHarness { /* reopen */ }
//!
//! flightdeck_store_contract::contract_tests!(SqliteHarness::open().await);
//! flightdeck_store_contract::durability_tests!(SqliteHarness::open().await);
//! ```
//!
//! The expression is evaluated anew in every test, inside an async function, and gives a harness with an empty store of
//! its own: tests share nothing and may run in any order. Each case becomes one test
//! `<file>::<case>` on tokio's multi-thread runtime, so the store's crate needs `tokio` with `macros` and
//! `rt-multi-thread` (and `async-trait`) among its dev-dependencies. A store that keeps nothing on disk leaves
//! [`durability_tests!`] out.
//!
//! A store that needs a server lists the same cases with [`contract_cases!`] and [`durability_cases!`] in a test program of
//! its own (`harness = false`), which can say that a test was not run, and why.
//!
//! # A store that does not have every port
//! A case names what it is about: the file that it is in and, behind its name in `cases.rs`, whatever else it needs. A store
//! that has sessions alone takes the [`Case`]s for which [`Case::is_about`] says so, and [`lacks!`] fills in the ports that
//! it does not have. `examples/own_store/store.rs` is such a store, and `tests/own_store.rs` runs the
//! suite on it.
//!
//! # Adding a case
//! Write it in the file of its port, and add its name to the list in `cases.rs`; a test of this crate fails when it is not
//! listed. A case never sleeps and never retries. Where tasks race, it asserts what holds for every order of them.
//!
//! # What does not belong here
//! Any concrete store, and promises that are those of a pure rule alone: the domain proves its rules by itself. What is
//! proven here is that a store asks the rule on the right facts and writes exactly what it gives back, whole.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this is the body of tests; a broken promise is a panic"
)]

pub mod api_key;
pub mod approval;
pub mod audit;
mod cases;
pub mod change_reports;
pub mod command;
pub mod crash;
pub mod durability;
pub mod epoch;
pub mod feed;
pub mod given;
mod harness;
pub mod idempotency;
mod lacks;
pub mod login;
pub mod message;
pub mod operation;
pub mod operator_actions;
mod order;
pub mod provider_config;
pub mod retention;
pub mod runner;
pub mod session;
pub mod sink;
mod state;
mod steps;
pub mod survey;
pub mod usage;
pub mod usage_days;

pub use cases::Case;
pub use harness::{DurableHarness, Harness, Store};
#[doc(hidden)]
pub use lacks::lacking;

/// What the macros name.
#[doc(hidden)]
pub mod parts {
    pub use async_trait::async_trait;
    pub use flightdeck_domain::{
        action::*,
        api_key::*,
        approval::{Approval, ApprovalAction, Ask, Expiry, Withdrawal},
        audit::*,
        changes::{ChangeReport, Stretch},
        command::*,
        epoch::*,
        feed::*,
        guard::GuardSwitch,
        ids::*,
        login::*,
        message::Message,
        operation::*,
        ports::*,
        provider_config::{ConfigChange, ConfigName, ProviderConfig, Resealing},
        retention::{
            ArchivedSession, DuePage, EndedPlace, Retention, RetentionChange, RetentionRules, RetentionTaking,
        },
        runner::{
            Assignment, AssignmentFilter, Heard, Lease, LeaseRequest, Runner, RunnerChange, RunnerName,
            RunnerRegistration, StartRequest,
        },
        sink::{DeadLetter, LettersChange, Settling, Sink, SinkChange, SinkName, SinkResealing, Taking},
        survey::FleetSurvey,
        text::*,
        time::*,
        usage::*,
    };

    pub use crate::lacking;
}
