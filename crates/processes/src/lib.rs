//! Programs that are run for Flightdeck, and really end.
//!
//! Each program gets a *supervisor*: a small process of its own, which is the same binary started again (see [`divert`]).
//! The supervisor is the child subreaper of everything below it, so whatever a program starts, in whatever session or
//! process group and however often it forks, stays below the supervisor until it is dead. It
//!
//! - starts the program in a session and process group of its own, and in a cgroup of its own where cgroup v2 is writable;
//! - ends it on demand: TERM to everything below, after a deadline KILL, again and again until nothing is left;
//! - stops and continues it as a whole (`SIGSTOP`, or the cgroup's freezer);
//! - watches processor time, memory and run time of all of it together;
//! - ends it when the one who asked for it is gone, also when that was killed with -9: the connection between them breaks,
//!   and the death signal of the thread that started the supervisor comes besides.
//!
//! *Gone* means that the kernel said so: a subreaper that has no children (`ECHILD`) has no descendants either.
//!
//! Should the supervisor itself be killed, then the program dies with it (death signal), and what it had started is found
//! by the mark in its environment ([`Owner::sweep`]); the same search is what a server does at its start.
//!
//! # Where it works
//! On Linux all of the above. On other Unix systems there are no subreapers and no death signals: there a program's
//! process group is all that is ended, and [`Owner::sweep`] finds nothing.
//!
//! # What does not belong here
//! What the programs say, and what sessions are: `HTTP`, `SQL`, the domain.

mod descriptors;
mod launch;
mod launcher;
mod log;
mod process;
mod stray;
mod supervisor;
mod tree;
mod wire;

pub use launch::{Launch, LaunchError, Limits};
pub use launcher::{Launched, Launcher, Supervisor};
pub use log::{LogFile, LogTail, SharedLog};
pub use process::{Ended, Exit, FreezeError, Limit, Process};
pub use stray::{Owner, Swept};
pub use supervisor::divert;
