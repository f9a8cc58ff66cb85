//! What the commands do, one file each.

mod account;
mod approvals;
mod audit;
mod budget;
mod changes;
mod choice;
mod completions;
mod configure;
mod control;
mod facts;
mod given;
mod guard;
mod inject;
mod kill_all;
mod login;
mod logs;
mod messages;
mod missions;
mod operation;
mod operations;
mod providers;
mod ps;
mod runners;
mod search;
mod show;
mod sinks;
mod spawn;
mod tree;
mod usage;

use flightdeck_terminal::Outcome;

pub use self::audit::{export as audit_export, list as audit_list, verify as audit_verify};
use self::control::Verb;
use crate::grammar::Command;

/// The provider of agents that run elsewhere and report by themselves.
const INTERNAL: &str = "internal";

/// Does what was typed. `whole` is the grammar of the binary, for completions.
///
/// # Errors
/// It was not done, or was not seen; [`crate::exit_of`] tells what the process ends with.
pub fn run(command: &Command, whole: clap::Command) -> Outcome {
    match command {
        Command::Tree(args) => tree::run(args),
        Command::Ps(args) => ps::run(args),
        Command::Show(args) => show::run(args),
        Command::Logs(args) => logs::run(args),
        Command::Missions(args) => missions::run(args),
        Command::Search(args) => search::run(args),
        Command::Changes(args) => changes::run(args),
        Command::Usage(args) => usage::run(args),
        Command::Operations(args) => operations::run(args),
        Command::Providers(args) => providers::run(args),
        Command::Runners(args) => runners::run(args),
        Command::Sinks(args) => sinks::run(args),
        Command::Spawn(args) => spawn::run(args),
        Command::Inject(args) => inject::run(args),
        Command::Configure(args) => configure::run(args),
        Command::Pause(args) => control::run(args, Verb::Pause),
        Command::Resume(args) => control::run(args, Verb::Resume),
        Command::Interrupt(args) => control::run(&args.control, Verb::Interrupt { drop: args.drop_queued }),
        Command::Kill(args) => control::run(args, Verb::Kill),
        Command::Close(args) => control::close(args),
        Command::KillAll(args) => kill_all::run(args),
        Command::Approvals(args) => approvals::run(args),
        Command::Budget(args) => budget::run(args),
        Command::Guard(args) => guard::run(args),
        Command::Login(args) => login::run(args),
        Command::Completions { shell } => {
            completions::print(*shell, whole);
            Ok(())
        }
    }
}
