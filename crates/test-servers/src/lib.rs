//! Finds the servers that tests talk to, or starts throw-away ones from what the machine has installed.
//!
//! A test without its server is *ignored*, with the reason, and never passed; where `CI=true` it has failed. The harness
//! of the language cannot ignore at run time, so such tests have `harness = false` and are trials of `libtest-mimic`.
//!
//! # What does not belong here
//! Anything of Flightdeck. No other crate than the tests of others builds on this one.

pub mod haproxy;
mod port;
pub mod postgres;
mod trial;
pub mod valkey;

pub use trial::{trial, trial_with};

/// There is no server, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoServer(pub String);
