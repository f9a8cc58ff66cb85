//! `flightdeck guard`.

use clap::{Args, ValueEnum};

use super::shared::{Asking, Why};

/// `flightdeck guard`
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    /// the mission
    #[arg(value_name = "MISSION")]
    pub(crate) mission: String,
    /// on: agents that run wild are warned and paused; off: they are left alone; what is there is shown when missing
    #[arg(value_name = "ON|OFF")]
    pub(crate) watched: Option<Watched>,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// Whether the agents of a mission are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Watched {
    On,
    Off,
}
