//! Runners.

use clap::{Args, Subcommand};

use super::shared::{Asking, Unasked, Why};

/// `flightdeck runners`
#[derive(Debug, Args)]
pub(crate) struct RunnersArgs {
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(subcommand)]
    pub(crate) command: Option<RunnersCommand>,
}

/// What is done with runners.
#[derive(Debug, Subcommand)]
pub(crate) enum RunnersCommand {
    /// List the runners, and the agents that wait for one
    List {
        #[command(flatten)]
        asking: Asking,
    },
    /// Tell a runner to take no more agents; it leaves when those that it has have ended
    Drain {
        #[command(flatten)]
        runner: NamedRunner,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        asking: Asking,
    },
    /// Let a runner that drains take agents again
    Undrain {
        #[command(flatten)]
        runner: NamedRunner,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        asking: Asking,
    },
    /// Forget a runner that is gone; sessions whose agents it had fail
    Remove {
        #[command(flatten)]
        runner: NamedRunner,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        unasked: Unasked,
        #[command(flatten)]
        asking: Asking,
    },
}

/// Which runner.
#[derive(Debug, Args)]
pub(crate) struct NamedRunner {
    /// the runner
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}
