//! The real binary, and what talks to it, for tests that need a process of its own to start, stop and kill.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod cable;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod patience;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod runner;
pub(crate) mod spool;
pub(crate) mod sse;
