//! The command line against a running server: transcripts, exit codes, and hostile output.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "cli/follow.rs"]
mod follow;
#[path = "cli/given.rs"]
mod given;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/programs.rs"]
mod programs;
#[path = "cli/proven.rs"]
mod proven;
#[path = "cli/servers.rs"]
mod servers;
#[path = "cli/spawned.rs"]
mod spawned;
mod support;
#[path = "cli/transcripts.rs"]
mod transcripts;
