//! `flightdeck retention` and `flightdeck archive`.

use clap::{Args, Subcommand};
use flightdeck_settings::Flags;

/// `flightdeck retention`
#[derive(Debug, Args)]
pub struct RetentionArgs {
    #[command(subcommand)]
    pub(crate) command: RetentionCommand,
    /// tell it as JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is done with the rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Show the rules
    Show {
        #[command(flatten)]
        flags: Flags,
    },
    /// Change rules; what is not given stays as it is. The server follows them at its next look
    Set {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        flags: Flags,
    },
    /// Show what would go now, by mission, under the rules or under other ones that are given; nothing is changed
    Plan {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        flags: Flags,
    },
}

/// Rules.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// days after the end of a session, where its mission has no rule of its own; or forever
    #[arg(long, value_name = "DAYS")]
    pub(crate) sessions: Option<String>,
    /// the same for a mission, as apollo=30 or apollo=forever; apollo= takes its rule away; may be given several times
    #[arg(long, value_name = "NAME=DAYS")]
    pub(crate) mission: Vec<String>,
    /// days of entries of the fleet feed; or forever
    #[arg(long, value_name = "DAYS")]
    pub(crate) feed: Option<String>,
}

/// `flightdeck archive`
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    #[command(subcommand)]
    pub(crate) command: ArchiveCommand,
    /// tell it as JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is done with the archive.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Check every manifest and every object that it names: signatures, digests, numbers
    Verify {
        /// the key that you trust, in hexadecimal digits; that of the data folder when missing
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Write the conversation of an ended session into a file, from the archive or from the store
    Export {
        /// the session
        session: String,
        /// a new file, which ends in .jsonl.zst
        #[arg(long, value_name = "FILE")]
        out: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Put the conversation of an archived session back into the store, from a file or from the archive
    Import {
        /// the session, or a file that `archive export` wrote
        #[arg(value_name = "SESSION|FILE")]
        what: String,
        #[command(flatten)]
        flags: Flags,
    },
}
