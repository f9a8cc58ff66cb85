//! What is typed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use flightdeck_domain::provider_config::Label;
use flightdeck_domain::runner::RunnerName;

/// `flightdeck runner`
#[derive(Debug, Args)]
pub struct RunnerArgs {
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        help = "the server [env: FLIGHTDECK_URL; the key, of the role runner: FLIGHTDECK_API_KEY]"
    )]
    pub(crate) server: Option<String>,
    /// the name of this runner: one for each, and the same after a restart; the name of the machine when missing
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<RunnerName>,
    /// a label that configurations can ask for, such as gpu or zone=a; may be given several times
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<Label>,
    /// how many agents it runs at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) capacity: u32,
    /// the folder with its outbox, the logs of its agents and their worktrees
    #[arg(long, value_name = "DIR", default_value = "flightdeck-runner")]
    pub(crate) data_dir: PathBuf,
    /// how long agents may go on when the runner is told to stop, in seconds; after that they are ended
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) drain_secs: u64,
}

impl RunnerArgs {
    /// The name that was given, or that of the machine.
    ///
    /// # Errors
    /// The machine has no name that a runner may have.
    pub(crate) fn name(&self) -> Result<RunnerName, WrongName> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let system = rustix::system::uname();
        let node = system.nodename().to_string_lossy();
        RunnerName::new(node.as_ref()).map_err(|error| WrongName(error.to_string()))
    }

    pub(crate) fn labels(&self) -> BTreeSet<Label> {
        self.labels.iter().cloned().collect()
    }
}

/// The machine has no name that a runner may have.
#[derive(Debug, thiserror::Error)]
#[error("--name: the name of this machine cannot be used ({0}); give one")]
pub(crate) struct WrongName(String);
