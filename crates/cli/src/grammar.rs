//! What is typed: the commands and their arguments. What a command does is in the file of its name in `commands`.

mod budget;
mod given;
mod guard;
mod looking;
mod providers;
mod runners;
mod shared;
mod sinks;
mod stepping_in;

use clap::Subcommand;
use clap_complete::Shell;

pub(crate) use self::budget::{BudgetArgs, BudgetCommand, BudgetSetArgs, Limits, Whose};
pub(crate) use self::given::Given;
pub(crate) use self::guard::{GuardArgs, Watched};
pub use self::looking::AuditListArgs;
pub(crate) use self::looking::{
    ChangesArgs, LogsArgs, MissionsArgs, OperationsArgs, OperationsCommand, OperationsListArgs, PsArgs, SearchArgs,
    ShowArgs, TreeArgs, UsageArgs, UsageBy,
};
pub(crate) use self::providers::{FailLostAfter, ProviderSetArgs, ProvidersArgs, ProvidersCommand};
pub(crate) use self::runners::{RunnersArgs, RunnersCommand};
pub(crate) use self::shared::{Asking, wait};
pub(crate) use self::sinks::{SinkSetArgs, SinksArgs, SinksCommand, Switch, Which};
pub(crate) use self::stepping_in::{
    ApprovalsArgs, ApprovalsCommand, ApprovalsListArgs, CloseArgs, ConfigureArgs, ControlArgs, DecideArgs, InjectArgs,
    InterruptArgs, KillAllArgs, LoginArgs, Scope, SpawnArgs,
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
    /// Look for words in a conversation
    Search(SearchArgs),
    /// Show what an agent changed in its git repository: the files, or the lines of one
    Changes(ChangesArgs),
    /// Show what agents used: the fleet, one agent with all below it, or one mission
    Usage(UsageArgs),
    /// List what was asked of agents, and how far it has come
    #[command(args_conflicts_with_subcommands = true)]
    Operations(OperationsArgs),
    /// List the providers of the server and their configurations; show, set, remove and try out configurations
    #[command(args_conflicts_with_subcommands = true)]
    Providers(ProvidersArgs),
    /// List runners, the programs on other machines that start agents, and who waits for one; drain and remove them
    #[command(args_conflicts_with_subcommands = true)]
    Runners(RunnersArgs),
    /// List sinks, which take events and the audit log to people and systems outside; set, remove and try out sinks
    #[command(args_conflicts_with_subcommands = true)]
    Sinks(SinksArgs),
    /// Have an agent started; prints its id
    Spawn(SpawnArgs),
    /// Say something to an agent, and tell whether it took it
    Inject(InjectArgs),
    /// Have an agent at work use another model or another mode
    Configure(ConfigureArgs),
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
    /// Say what an agent or a mission may use, in money or tokens
    Budget(BudgetArgs),
    /// Say whether agents of a mission that run wild are warned and paused
    Guard(GuardArgs),
    /// Print a link that logs a browser in with this key: once, within ten minutes
    Login(LoginArgs),
    /// Print the completions for a shell, as in: source <(flightdeck completions bash)
    Completions {
        /// the shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
}
