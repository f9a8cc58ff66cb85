//! What a launcher and a supervisor tell each other: a line of JSON each, over a socket.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::launch::Limits;
use crate::process::{Exit, Limit};

/// What a supervisor is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// The first, and only the first.
    Start(Box<Start>),
    /// End everything: TERM, and KILL after so many milliseconds.
    Terminate {
        grace_ms: u64,
    },
    Freeze,
    Thaw,
    /// Kill the program itself.
    Crash,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) limits: Limits,
    pub(crate) cgroup: bool,
    /// What a cgroup of its own is called.
    pub(crate) name: String,
}

/// What a supervisor has seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    Started {
        pid: u32,
    },
    NotStarted {
        problem: String,
    },
    /// The program itself has ended; what it started may live.
    Exited {
        exit: Exit,
    },
    /// Everything stands still.
    Frozen,
    NotFrozen {
        problem: String,
    },
    Thawed,
    OverLimit {
        limit: Limit,
    },
    /// Nothing is left. The last that it says.
    Gone,
}
