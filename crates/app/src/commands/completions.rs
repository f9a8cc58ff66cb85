//! `flightdeck completions`: what a shell needs to complete commands.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::cli::{self, Outcome};

pub(crate) fn grammar() -> Command {
    Command::new("completions")
        .about("Print the completions for a shell, as in: source <(flightdeck completions bash)")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)))
}

#[expect(clippy::unnecessary_wraps, reason = "as every command")]
pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let Some(shell) = given.get_one::<Shell>("shell") else { return Ok(()) };
    clap_complete::generate(*shell, &mut cli::grammar(), "flightdeck", &mut std::io::stdout());
    Ok(())
}
