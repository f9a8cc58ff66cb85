//! Mission control for fleets of AI agents: the one binary.
//!
//! Reads the command line (`command_line`) and the configuration (`config`), wires the domain to a store, its providers and
//! the HTTP side and serves it (`server`), or hands over to the crate that has the command: `flightdeck-cli` asks a server,
//! `flightdeck-attach` stands beside an agent, `flightdeck-admin` works on the data folder. No rule of Flightdeck lives here.

mod command_line;
mod config;
mod logging;
mod server;

use std::error::Error;
use std::process::ExitCode;

use flightdeck_terminal::{Exit, tell};

use crate::server::ServeError;

/// Chosen by measurement (`docs/performance.md`). It stands in for the C library's as well, for SQLite gains most.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Started again to stand between the server and an agent.
    if let Some(code) = flightdeck_processes::divert() {
        return code;
    }
    let (json, outcome) = command_line::run();
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            let exit = exit_of(error.as_ref());
            if json {
                flightdeck_cli::fault_of(exit, error.as_ref()).tell();
            } else {
                tell(error.as_ref());
            }
            exit.into()
        }
    }
}

/// What the process ends with.
fn exit_of(error: &(dyn Error + Send + Sync + 'static)) -> Exit {
    let of_server = error.downcast_ref::<ServeError>().map(ServeError::exit);
    let of_command = || flightdeck_cli::exit_of(error).or_else(|| flightdeck_admin::exit_of(error));
    of_server.or_else(of_command).unwrap_or(Exit::Failed)
}
