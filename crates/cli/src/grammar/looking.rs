//! Commands that only look.

use clap::{Args, Subcommand, ValueEnum};

use super::shared::{Asking, SessionId};

/// `flightdeck tree`
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// only this session and those below it
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// a live view; ? in it tells the keys
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// only sessions of this mission
    #[arg(long, value_name = "MISSION")]
    pub(crate) mission: Option<String>,
    /// only sessions in one of these statuses
    #[arg(long, value_name = "STATUS,…")]
    pub(crate) status: Option<String>,
    /// only sessions that have not ended
    #[arg(long)]
    pub(crate) live: bool,
    /// the newest so many; 200 when missing, all with --watch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck ps`
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    /// those that have ended too
    #[arg(short, long)]
    pub(crate) all: bool,
    /// only sessions in one of these statuses
    #[arg(long, value_name = "STATUS,…")]
    pub(crate) status: Option<String>,
    /// only sessions of this mission
    #[arg(long, value_name = "MISSION")]
    pub(crate) mission: Option<String>,
    /// only agents of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) agent_type: Option<String>,
    /// the newest so many; 200 when missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) session: SessionId,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// go on until the session ends
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// only the last so many messages; 50 when missing
    #[arg(short = 'n', long, value_name = "N", conflicts_with_all = ["all", "after"])]
    pub(crate) tail: Option<u64>,
    /// from the first message on
    #[arg(long)]
    pub(crate) all: bool,
    /// only messages after this one
    #[arg(long, value_name = "SEQ", conflicts_with = "all")]
    pub(crate) after: Option<u64>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck missions`
#[derive(Debug, Args)]
pub(crate) struct MissionsArgs {
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck usage`
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// an agent, with all below it: its id, or a part that only one begins or ends with; the whole fleet when missing
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// all sessions of this mission
    #[arg(long, value_name = "MISSION", conflicts_with = "id")]
    pub(crate) mission: Option<String>,
    /// break the usage down by day, model, mission or agent; several with commas
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) by: Vec<UsageBy>,
    /// the first day, in UTC; 29 days before the last one when missing
    #[arg(long, value_name = "YYYY-MM-DD", requires = "by")]
    pub(crate) from: Option<String>,
    /// the last day; today when missing
    #[arg(long, value_name = "YYYY-MM-DD", requires = "by")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// What usage is broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageBy {
    Day,
    Model,
    Mission,
    Agent,
}

impl UsageBy {
    /// The word of the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Mission => "mission",
            Self::Agent => "agent",
        }
    }
}

/// `flightdeck operations`
#[derive(Debug, Args)]
pub(crate) struct OperationsArgs {
    #[command(flatten)]
    pub(crate) list: OperationsListArgs,
    #[command(subcommand)]
    pub(crate) command: Option<OperationsCommand>,
}

/// What is looked at.
#[derive(Debug, Subcommand)]
pub(crate) enum OperationsCommand {
    /// The same as without a word
    List(OperationsListArgs),
    /// Show one operation, with what was seen of each of its agents
    Show {
        /// an operation: its id, or a part that only one begins or ends with
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        asking: Asking,
    },
}

/// `flightdeck operations list`
#[derive(Debug, Args)]
pub(crate) struct OperationsListArgs {
    /// only those that wait for some agent
    #[arg(long)]
    pub(crate) open: bool,
    /// the newest so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck search`
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// what to look for, as it is, in capitals or not
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// the newest so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck changes`
#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// the lines of this file, by the path that the list has
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// only what one turn changed, counted from 1; the whole session when missing
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) turn: Option<u32>,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// `flightdeck audit list`
#[derive(Debug, Args)]
pub struct AuditListArgs {
    /// only about this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// only about this session or one below it
    #[arg(long, value_name = "ID")]
    pub(crate) subtree: Option<String>,
    /// only by this key
    #[arg(long, value_name = "KEYID")]
    pub(crate) operator: Option<String>,
    /// only of this action, as kill
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// only of this moment (RFC 3339) or later
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// only before this moment
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// only before this entry
    #[arg(long, value_name = "SEQ")]
    pub(crate) before: Option<String>,
    /// the newest so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) asking: Asking,
}
