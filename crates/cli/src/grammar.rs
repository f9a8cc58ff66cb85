//! What is typed: the commands and their arguments. What a command does is in the file of its name in `commands`.

mod looking;
mod shared;
mod stepping_in;

use clap::Subcommand;
use clap_complete::Shell;

pub use self::looking::AuditListArgs;
pub(crate) use self::looking::{LogsArgs, MissionsArgs, PsArgs, ShowArgs, TreeArgs};
pub(crate) use self::shared::{Asking, wait};
pub(crate) use self::stepping_in::{
    ApprovalsArgs, ApprovalsCommand, ApprovalsListArgs, CloseArgs, ControlArgs, DecideArgs, InjectArgs, InterruptArgs,
    KillAllArgs, LoginArgs, Scope, SpawnArgs,
};

/// The commands that ask a server, in the order in which help lists them.
#[derive(Debug, Subcommand)]
#[expect(private_interfaces, reason = "what is in them is this crate's to know; callers pass them on")]
pub enum Command {
    /// Show sessions as a tree; with --watch live, with keys to step in
    Tree(TreeArgs),
    /// List sessions that have not ended, newest first
    Ps(PsArgs),
    /// Show one session: what it is, how it is, what it asks for, what it said last
    Show(ShowArgs),
    /// Print a conversation; with -f go on as it grows, across restarts of the server, without a gap
    Logs(LogsArgs),
    /// List missions with the state of their sessions, the newest first
    Missions(MissionsArgs),
    /// Have an agent started; prints its id
    Spawn(SpawnArgs),
    /// Say something to an agent, and tell whether it took it
    Inject(InjectArgs),
    /// Have agents stop, able to go on
    Pause(ControlArgs),
    /// Let paused agents go on
    Resume(ControlArgs),
    /// Have agents stop their current turn
    Interrupt(InterruptArgs),
    /// Stop agents for good
    Kill(ControlArgs),
    /// Say that agents are gone which ended without a word
    Close(CloseArgs),
    /// Kill every agent; none can be started until kill-all --release
    KillAll(KillAllArgs),
    /// List what agents ask for, allow it or reject it
    #[command(args_conflicts_with_subcommands = true)]
    Approvals(ApprovalsArgs),
    /// Print a link that logs a browser in with this key: once, within ten minutes
    Login(LoginArgs),
    /// Print the completions for a shell, as in: source <(flightdeck completions bash)
    Completions {
        /// the shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
}
