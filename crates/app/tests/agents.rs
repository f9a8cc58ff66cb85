//! Agents that people run by themselves: hooks, and commands that are wrapped.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "agents/conformance.rs"]
mod conformance;
#[path = "agents/connect.rs"]
mod connect;
#[path = "agents/endings.rs"]
mod endings;
#[path = "agents/finding.rs"]
mod finding;
#[path = "agents/hooks.rs"]
mod hooks;
#[path = "../../attach/src/run/mutations/mutate.rs"]
mod mutate;
#[path = "agents/presets.rs"]
mod presets;
#[path = "agents/run.rs"]
mod run;
mod support;
