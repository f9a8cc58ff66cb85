//! Sinks.

use clap::{Args, Subcommand, ValueEnum};

use super::given::Given;
use super::shared::{Asking, Unasked, Why};

/// `flightdeck sinks`
#[derive(Debug, Args)]
pub(crate) struct SinksArgs {
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(subcommand)]
    pub(crate) command: Option<SinksCommand>,
}

/// What is done with sinks.
#[derive(Debug, Subcommand)]
pub(crate) enum SinksCommand {
    /// List the sinks and how far each is
    List {
        #[command(flatten)]
        asking: Asking,
    },
    /// Show one sink; of its credentials only the names
    Show {
        #[command(flatten)]
        named: SinkNamed,
        #[command(flatten)]
        asking: Asking,
    },
    /// Make a sink, or change one: what is not given stays as it is
    Set(Box<SinkSetArgs>),
    /// Remove a sink with its dead letters; what it has not sent it never sends
    Remove {
        #[command(flatten)]
        named: SinkNamed,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        unasked: Unasked,
        #[command(flatten)]
        asking: Asking,
    },
    /// Send a message to the receiver of a sink
    Test {
        #[command(flatten)]
        named: SinkNamed,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        asking: Asking,
    },
    /// List messages that did not arrive, the oldest first
    DeadLetters {
        #[command(flatten)]
        named: SinkNamed,
        /// only those after this place
        #[arg(long, value_name = "PLACE")]
        after: Option<u64>,
        #[command(flatten)]
        asking: Asking,
    },
    /// Send messages again that did not arrive: all, or those at the places
    Resend {
        #[command(flatten)]
        named: SinkNamed,
        /// the places of the messages; all when there are none
        #[arg(value_name = "PLACE")]
        places: Vec<u64>,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        asking: Asking,
    },
}

/// Which sink.
#[derive(Debug, Args)]
pub(crate) struct SinkNamed {
    /// the sink
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// Whether something is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// it is
    On,
    /// it is not
    Off,
}

/// Where a sink begins.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FromWhere {
    /// with the first event that there is
    Start,
    /// with the next event
    Head,
}

impl FromWhere {
    /// The word of the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Head => "head",
        }
    }
}

/// Which events a sink sends.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// send whatever needs a person. All parts of the filter that are given take the place of the one that is set
    #[arg(long)]
    pub(crate) needs_person: bool,
    /// send events of this type
    #[arg(long = "kind", value_name = "TYPE")]
    pub(crate) kinds: Vec<String>,
    /// send changes of the status to this one
    #[arg(long = "status", value_name = "STATUS")]
    pub(crate) statuses: Vec<String>,
    /// of all that only what belongs to this mission
    #[arg(long = "mission", value_name = "MISSION")]
    pub(crate) missions: Vec<String>,
    /// send everything of the fleet feed
    #[arg(long, conflicts_with_all = ["needs_person", "kinds", "statuses", "missions"])]
    pub(crate) everything: bool,
}

/// `flightdeck sinks set`
#[derive(Debug, Args)]
pub(crate) struct SinkSetArgs {
    #[command(flatten)]
    pub(crate) named: SinkNamed,
    /// how its messages go out: webhook, ntfy, slack, telegram, email, otlp, syslog or `cloud_events`; needed for a new one
    #[arg(long, value_name = "FORM")]
    pub(crate) form: Option<String>,
    /// let it send
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// let it send nothing; its cursor stays where it is
    #[arg(long)]
    pub(crate) disable: bool,
    #[command(flatten)]
    pub(crate) given: Given,
    #[command(flatten)]
    pub(crate) which: Which,
    /// on: messages have what agents write, titles of requests and reasons; off: only facts
    #[arg(long, value_name = "SWITCH")]
    pub(crate) transcript: Option<Switch>,
    /// after so many failed tries a message becomes a dead letter
    #[arg(long, value_name = "N")]
    pub(crate) max_tries: Option<u32>,
    /// where it begins; without it a new sink begins at the head, and another one goes on where it is
    #[arg(long, value_name = "WHERE")]
    pub(crate) from: Option<FromWhere>,
    /// only if it is at this revision; without it, whatever it is now
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<u64>,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) asking: Asking,
}
