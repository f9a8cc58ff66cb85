//! What is to be run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use flightdeck_agent_io::scrub::Scrubber;
use serde::{Deserialize, Serialize};

use crate::log::LogFile;
use crate::stray::Owner;

/// A program that is to be run. No shell reads it, and nothing of the environment of this process reaches it but what is
/// named here.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program: a path, or a name that is looked for along the `PATH` of `env`.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder it starts in.
    pub cwd: PathBuf,
    /// Its whole environment, but for the mark.
    pub env: BTreeMap<String, String>,
    /// What it may use.
    pub limits: Limits,
    /// Whether it gets a cgroup of its own where that is possible.
    pub cgroup: bool,
    /// Whose it is.
    pub owner: Owner,
    /// Which of the owner's programs it is; it is found by it when its supervisor is gone. Of visible ASCII characters.
    pub name: String,
    /// Where its standard error is kept; `None` for nowhere.
    pub log: Option<LogFile>,
    /// What is taken out of its log.
    pub scrubber: Scrubber,
}

/// What a program and everything below it may use together. Whoever uses more is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processor time, in whole seconds, of all that ever lived below it.
    pub cpu_seconds: Option<u64>,
    /// Memory that is resident, in bytes. Looked at twice a second, so a short peak may pass; where the cgroup has the
    /// memory controller the kernel sees to it as well.
    pub memory_bytes: Option<u64>,
    /// How long it may run, frozen time included.
    pub run_time: Option<Duration>,
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// It is not there or cannot be run; the text says which program and why.
    #[error("{0}")]
    Program(String),
    /// No supervisor could be started.
    #[error("no supervisor could be started")]
    Supervisor(#[source] std::io::Error),
    /// The supervisor ended before it had started anything.
    #[error("the supervisor ended before it had started the program")]
    SupervisorEnded,
}
