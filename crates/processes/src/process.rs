//! A program that was launched, as its launcher sees it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::wire::Order;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// Nobody saw it.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("an end that nobody saw"),
        }
    }
}

/// A limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Processor time.
    CpuTime,
    /// Memory.
    Memory,
    /// Run time.
    RunTime,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CpuTime => "processor time",
            Self::Memory => "memory",
            Self::RunTime => "run time",
        })
    }
}

/// The end of a program and of everything that it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How the program itself ended.
    pub exit: Exit,
    /// The limit that it was ended for, if it was.
    pub limit: Option<Limit>,
    /// Whether nothing is left of it. `false` only when its supervisor was killed and what it left behind hangs in the
    /// kernel.
    pub clean: bool,
}

/// Why a program does not stand still.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// It could not be stopped, and goes on.
    #[error("it could not be frozen: {0}")]
    Failed(String),
    /// It has ended.
    #[error("it has ended")]
    Ended,
}

/// What is known of a program; `freezes` counts the answers to freezes and thaws, so that each is told from the one before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) exit: Option<Exit>,
    pub(crate) limit: Option<Limit>,
    pub(crate) frozen: Option<Result<(), String>>,
    pub(crate) answers: u64,
    pub(crate) ended: Option<Ended>,
}

/// A program that was launched. When the last copy of it is dropped the program is killed, with everything below it.
#[derive(Clone, Debug)]
pub struct Process {
    pid: u32,
    orders: mpsc::UnboundedSender<Order>,
    known: watch::Receiver<Known>,
}

impl Process {
    pub(crate) const fn new(pid: u32, orders: mpsc::UnboundedSender<Order>, known: watch::Receiver<Known>) -> Self {
        Self { pid, orders, known }
    }

    /// Its pid, which is the id of its process group too.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Asks everything below it to end (TERM), kills after the grace whoever has not, and comes back when nothing is left. A
    /// grace of nothing kills at once; a second call can only shorten the first one's.
    pub async fn terminate(&self, grace: Duration) -> Ended {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        // A supervisor that does not listen any more has ended, or is about to be seen to have.
        let _ = self.orders.send(Order::Terminate { grace_ms });
        self.ended().await
    }

    /// Ends the program itself, and nothing else, as a crash would: with KILL. What it leaves behind is ended then.
    pub fn crash(&self) {
        let _ = self.orders.send(Order::Crash);
    }

    /// Stops everything below it, wherever it is, and comes back when all of it stands still.
    ///
    /// # Errors
    /// It has ended, or does not stand still; then it goes on.
    pub async fn freeze(&self) -> Result<(), FreezeError> {
        self.ordered(Order::Freeze).await?.frozen.unwrap_or(Ok(())).map_err(FreezeError::Failed)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It has ended.
    pub async fn thaw(&self) -> Result<(), FreezeError> {
        self.ordered(Order::Thaw).await.map(drop)
    }

    async fn ordered(&self, order: Order) -> Result<Known, FreezeError> {
        let mut known = self.known.clone();
        let before = known.borrow_and_update().answers;
        self.orders.send(order).or(Err(FreezeError::Ended))?;
        let answered = known.wait_for(|known| known.answers > before || known.ended.is_some()).await;
        match answered {
            Ok(known) if known.answers > before => Ok(known.clone()),
            _ => Err(FreezeError::Ended),
        }
    }

    /// Waits until the program itself has ended; what it started may be alive for a moment.
    pub async fn exited(&self) -> Exit {
        let mut known = self.known.clone();
        let seen = known.wait_for(|known| known.exit.is_some() || known.ended.is_some()).await;
        seen.ok().and_then(|known| known.exit).unwrap_or(Exit::Unknown)
    }

    /// Waits until nothing is left of it.
    pub async fn ended(&self) -> Ended {
        let mut known = self.known.clone();
        let seen = known.wait_for(|known| known.ended.is_some()).await.ok().and_then(|known| known.ended);
        seen.unwrap_or(Ended { exit: Exit::Unknown, limit: None, clean: false })
    }
}
