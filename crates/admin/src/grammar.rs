//! What is typed.

pub(crate) mod retention;

use clap::{Args, Subcommand};
use flightdeck_settings::Flags;

/// `flightdeck keys`
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key; it is shown once
    Create(CreateArgs),
    /// List all keys
    List {
        /// tell it as JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// End a key; its open streams end within seconds
    Revoke {
        /// the key's id, as `keys list` shows it
        id: String,
        /// tell it as JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags,
    },
}

/// `flightdeck keys create`
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[arg(long, value_parser = ["viewer", "operator", "admin", "agent", "runner"])]
    pub(crate) role: String,
    /// what people call it
    #[arg(long, default_value = "unnamed")]
    pub(crate) name: String,
    /// for --role agent: the session whose subtree the key is bound to; a new id when missing
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// for --role agent: the session that its session is to stand below, fixed with the key; below none when missing
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<String>,
    /// for --role agent: the mission of its session, fixed with the key; that of the parent when missing
    #[arg(long, value_name = "NAME")]
    pub(crate) mission: Option<String>,
    /// for --role viewer and operator: the missions whose sessions the key may see and act on, with commas; all when missing
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) missions: Vec<String>,
    /// how many days it is good; for ever when missing
    #[arg(long)]
    pub(crate) days: Option<String>,
    /// print the key and nothing else
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// `flightdeck audit export`
#[derive(Debug, Args)]
pub struct AuditExportArgs {
    /// a new file; standard output when missing
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// only entries after this one; all when missing
    #[arg(long, value_name = "SEQ")]
    pub after: Option<String>,
    /// tell as JSON which file was written; the export itself is JSON in any case
    #[arg(long)]
    pub json: bool,
    /// ask this server instead of looking into the data folder
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// `flightdeck audit verify`
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// an export; - for standard input
    #[arg(value_name = "FILE")]
    pub file: Option<String>,
    /// the key that you trust: a copy of audit-signing.pub, or its text. Without it, checkpoints are checked against the key
    /// that the export itself names, or that is in the data folder
    #[arg(long, value_name = "FILE|HEX")]
    pub(crate) public_key: Option<String>,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// ask this server instead of looking into the data folder
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// `flightdeck audit checkpoint`
#[derive(Debug, Args)]
pub struct AuditCheckpointArgs {
    /// first put into audit-checkpoints.jsonl what the database holds and the file has lost: after a restore, or when you know
    /// how it was lost; on record
    #[arg(long)]
    pub(crate) refill: bool,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// `flightdeck audit segment`
#[derive(Debug, Args)]
pub struct AuditSegmentArgs {
    /// the folder of the segments; made when missing
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: String,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// `flightdeck migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// with SQLite: write the file anew without what is free in it, so that it shrinks by itself from then on; stop the server
    /// first
    #[arg(long)]
    pub(crate) compact: bool,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// `flightdeck partition-messages`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Args)]
pub struct PartitionArgs {
    /// only say how far it is; nothing is changed
    #[arg(long)]
    pub(crate) status: bool,
    /// remove what a move has made that is not complete
    #[arg(long, conflicts_with = "status")]
    pub(crate) undo: bool,
    /// remove the table from before the move, which gives its disk space back
    #[arg(long, conflicts_with_all = ["status", "undo"])]
    pub(crate) drop_old: bool,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// `flightdeck doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// `flightdeck copy`
#[derive(Debug, Args)]
pub struct CopyArgs {
    #[arg(
        long,
        value_name = "URL",
        help = "the database that is read; nothing in it is changed [env: FLIGHTDECK_COPY_FROM]"
    )]
    pub(crate) from: Option<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "the empty database; a file is made when there is none [env: FLIGHTDECK_COPY_TO]"
    )]
    pub(crate) to: Option<String>,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// `flightdeck secrets`
#[derive(Debug, Args)]
pub struct SecretsArgs {
    #[command(subcommand)]
    pub(crate) command: SecretsCommand,
}

/// What is done with the keys of credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Show the ids of the keys, and how many credentials each holds
    Show {
        /// tell it as JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Make a new key and seal all credentials with it; the older keys stay until they are retired
    Rotate {
        /// seal with the newest key that is there; for keys in the environment, and for replicas that were given a new one
        #[arg(long)]
        no_new_key: bool,
        /// tell it as JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags,
    },
    /// Remove the older keys from the file, when no credential is sealed with them any more
    Retire {
        /// tell it as JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags,
    },
}

/// `flightdeck epoch`
#[derive(Debug, Args)]
pub struct EpochArgs {
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    pub(crate) command: Option<EpochCommand>,
}

/// What is done with the epoch.
#[derive(Debug, Subcommand)]
pub(crate) enum EpochCommand {
    /// Give the history a new name, so that readers with a cursor from before start over
    Renew {
        /// tell it as JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: Flags,
    },
}

/// `flightdeck conformance`
#[derive(Debug, Args)]
pub struct ConformanceArgs {
    /// the agent, as in [agents.NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: String,
    /// a prompt that is answered in a few words
    #[arg(long, value_name = "TEXT", default_value = "Reply with the one word: pong")]
    pub(crate) say: String,
    /// a prompt that uses a tool
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Run the shell command `printf 'conformance-%d\\n' 42` and tell me its output."
    )]
    pub(crate) tool: String,
    /// what the output of that tool has in it, and its input has not
    #[arg(long, value_name = "TEXT", default_value = "conformance-42")]
    pub(crate) output: String,
    /// a prompt that makes a file with a tool that it has to ask for; {file} stands for its path
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Run the shell command `touch '{file}'` and tell me when it is done."
    )]
    pub(crate) write: String,
    /// a prompt that takes half a minute or more
    #[arg(long, value_name = "TEXT", default_value = "Count slowly from 1 to 300 in words, one a line.")]
    pub(crate) busy: String,
    /// how long one check may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) limit: u64,
    /// print each line as a JSON object, for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
}
