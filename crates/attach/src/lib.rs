//! The commands that run beside an agent: `flightdeck run` (any program as a session), `flightdeck hook` (hooks of an agent,
//! passed on) and `flightdeck connect` (the settings that have an agent report by itself). All of them find the server as
//! every other command does (`flightdeck_client::ServerFlags`).
//!
//! # What does not belong here
//! Databases; what an operator types to look and to step in.

mod connect;
mod grammar;
mod hook;
mod run;

use flightdeck_terminal::Outcome;

pub use grammar::Command;

/// Does what was typed. Must run inside a runtime.
///
/// # Errors
/// It was not done.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Connect(args) => connect::run(&args),
        Command::Hook(args) => hook::run(args).await,
        Command::Run(args) => run::run(&args).await,
    }
}
