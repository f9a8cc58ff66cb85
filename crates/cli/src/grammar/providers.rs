//! Providers and their configurations.

use clap::{Args, Subcommand};

use super::given::Given;
use super::shared::{Asking, Unasked, Why};

/// `flightdeck providers`
#[derive(Debug, Args)]
pub(crate) struct ProvidersArgs {
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(subcommand)]
    pub(crate) command: Option<ProvidersCommand>,
}

/// What is done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    /// List the kinds of providers and their configurations
    List {
        #[command(flatten)]
        asking: Asking,
    },
    /// Show one configuration; of its credentials only the names
    Show {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        asking: Asking,
    },
    /// Make a configuration, or change one: what is not given stays as it is
    Set(Box<ProviderSetArgs>),
    /// Remove a stored configuration; agents that were started from it go on
    Remove {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        unasked: Unasked,
        #[command(flatten)]
        asking: Asking,
    },
    /// Start an agent of a configuration, have it introduce itself, and end it
    Test {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        asking: Asking,
    },
}

/// Which configuration.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// the configuration
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `flightdeck providers set`
#[derive(Debug, Args)]
pub(crate) struct ProviderSetArgs {
    #[command(flatten)]
    pub(crate) named: Named,
    /// what runs its agents: acp, scripted, …; needed for a new one
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// what people call it
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// let agents be started from it
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// let no agent be started from it
    #[arg(long)]
    pub(crate) disable: bool,
    #[command(flatten)]
    pub(crate) given: Given,
    /// the labels that a server needs, in the place of those that are set; an empty one for none
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// how many of its agents may run at once on one server
    #[arg(long, value_name = "N")]
    pub(crate) at_once: Option<u32>,
    /// what each of its agents may spend, in US dollars
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<f64>,
    /// how many tokens each of its agents may use
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u64>,
    /// how long the session of an agent may be lost when its runner is gone, in seconds; then it has failed. Or never
    #[arg(long, value_name = "SECONDS", value_parser = FailLostAfter::read)]
    pub(crate) fail_lost_after_secs: Option<FailLostAfter>,
    /// whether an agent goes to another runner when its runner has not confirmed the start in time
    #[arg(long, value_name = "YES", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) requeue: Option<bool>,
    /// only if it is at this revision; without it, whatever it is now
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<u64>,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// How long a session may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailLostAfter {
    /// So many seconds.
    Secs(u32),
    /// For ever.
    Never,
}

impl FailLostAfter {
    /// Reads a number of seconds, or `never`; the server knows which numbers are allowed.
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            number => number.parse().map(Self::Secs).or(Err("must be a number of seconds, or never".to_owned())),
        }
    }
}
