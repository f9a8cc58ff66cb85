//! What is typed.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use flightdeck_client::ServerFlags;

use crate::run::preset_names;

/// The commands that run beside an agent, in the order in which help lists them.
#[derive(Debug, Subcommand)]
#[expect(private_interfaces, reason = "what is in them is this crate's to know; callers pass them on")]
pub enum Command {
    /// Have an agent that people run report to the server
    Connect(ConnectArgs),
    /// Pass a hook of an agent on to the server
    Hook(HookArgs),
    /// Run a command as a session: its lines are messages, and pause, resume and kill act on it
    #[command(
        long_about = "Runs a command as a session. Its lines are messages; a message that is injected is written to its \
                      standard input; pause, resume and kill act on everything it has started; its end ends the session. \
                      When the server is away the command runs on, and what it said is sent later."
    )]
    Run(RunArgs),
}

/// `flightdeck connect`
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    #[command(subcommand)]
    pub(crate) agent: ConnectAgent,
}

/// The agents that can be told to report.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectAgent {
    /// Print the settings that have Claude Code report to the server, or merge them into its own
    #[command(
        long_about = "Prints the settings that have Claude Code report to the server. With --local, --project, --user or \
                      --file it shows what would change in that file, and with --write it changes it: what is there stays \
                      there, and a copy of the file as it was is left beside it."
    )]
    ClaudeCode(ConnectClaudeCode),
}

/// `flightdeck connect claude-code`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct ConnectClaudeCode {
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) hook: HookFlags,
    /// the settings of this folder that are not shared: .claude/settings.local.json
    #[arg(long, conflicts_with_all = ["project", "user"])]
    pub(crate) local: bool,
    /// the settings of this folder that are shared: .claude/settings.json
    #[arg(long, conflicts_with_all = ["local", "user"])]
    pub(crate) project: bool,
    /// the settings of all folders: ~/.claude/settings.json
    #[arg(long, conflicts_with_all = ["local", "project"])]
    pub(crate) user: bool,
    /// another file
    #[arg(long, value_name = "PATH", conflicts_with_all = ["local", "project", "user"])]
    pub(crate) file: Option<String>,
    /// change the file, and not only show how
    #[arg(long)]
    pub(crate) write: bool,
    /// use command hooks (flightdeck hook) where HTTP hooks would do
    #[arg(long)]
    pub(crate) commands: bool,
    /// take the hooks of Flightdeck out again
    #[arg(long)]
    pub(crate) remove: bool,
}

/// `flightdeck hook`
#[derive(Debug, Args)]
pub(crate) struct HookArgs {
    #[command(subcommand)]
    pub(crate) agent: HookAgent,
}

/// The agents whose hooks are passed on.
#[derive(Debug, Subcommand)]
pub(crate) enum HookAgent {
    /// Pass a command hook of Claude Code on: its body comes on standard input, the answer goes to standard output
    #[command(
        long_about = "Passes a command hook of Claude Code on: its body comes on standard input, the answer goes to standard \
                      output.\n\nWhen the server cannot be asked, the hook says nothing and ends well, so that the agent \
                      works on; with --unreachable deny it blocks what the agent is about to do."
    )]
    ClaudeCode {
        #[command(flatten)]
        server: ServerFlags,
        #[command(flatten)]
        hook: HookFlags,
    },
}

/// What is said about a session that appears by a hook.
#[derive(Clone, Debug, Args)]
pub(crate) struct HookFlags {
    /// how long a pause or a permission request may hold the agent at one hook
    #[arg(long, value_name = "SECONDS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=590))]
    hold: u64,
    /// the mission of its sessions
    #[arg(long, value_name = "NAME")]
    pub(crate) mission: Option<String>,
    /// their work item; the name of the folder when missing
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// what becomes of a tool call when the server, or its database, cannot be asked
    #[arg(long, value_enum, default_value = "allow")]
    unreachable: Unreachable,
}

impl HookFlags {
    pub(crate) const fn hold(&self) -> Duration {
        Duration::from_secs(self.hold)
    }

    /// Whether nothing is to run that nobody could be asked about.
    pub(crate) fn denies(&self) -> bool {
        self.unreachable == Unreachable::Deny
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unreachable {
    Allow,
    Deny,
}

/// `flightdeck run`
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    /// what kind of agent it is, as it is shown in the tree
    #[arg(long)]
    pub(crate) name: String,
    /// its work item; the command when missing
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// the mission it belongs to
    #[arg(long)]
    pub(crate) mission: Option<String>,
    /// the session that it is to be shown under
    #[arg(long, value_name = "AGENT")]
    pub(crate) parent: Option<String>,
    /// how its lines are read: as text, or as what claude, codex, gemini, opencode, pi and qwen write for programs; auto tells
    /// by the command, or by its first lines
    #[arg(long, default_value = "auto", value_parser = preset_names())]
    pub(crate) preset: String,
    /// what it reads: injected messages, the standard input of this command, or nothing; nothing for presets whose command
    /// takes no messages [default: inject]
    #[arg(long, value_parser = ["inject", "own", "none"])]
    pub(crate) input: Option<String>,
    /// how long to wait at the end for a server that is away
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    linger: u64,
    /// do not echo what it writes
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// the command, and its arguments
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
}

impl RunArgs {
    pub(crate) const fn linger(&self) -> Duration {
        Duration::from_secs(self.linger)
    }
}
