//! The command line.

use std::error::Error;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::client::ClientError;
use crate::config::{self, Config};
use crate::{
    audit, commands, conformance, connect, copy, demo, doctor, epochs, hook, keys, migrate, run, serve, terminal,
};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type Outcome = Result<(), BoxError>;

/// The command line's grammar. Without a subcommand it is `serve`.
pub(crate) fn grammar() -> Command {
    Command::new("flightdeck")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Mission control for fleets of AI agents")
        .args(config::flags())
        .subcommand(
            Command::new("serve").about("Run the server (the default)").after_help(config::ORDER).args(config::flags()),
        )
        .subcommand(
            Command::new("demo")
                .about("Run the server on a temporary store with a fleet of scripted agents to look at")
                .args(config::flags()),
        )
        .subcommands(commands::grammars())
        .subcommand(keys_grammar())
        .subcommand(audit::grammar())
        .subcommand(
            Command::new("migrate")
                .about("Bring the tables of the database up to date and say what was done; a server does so by itself")
                .args(config::flags()),
        )
        .subcommand(doctor::grammar())
        .subcommand(copy::grammar())
        .subcommand(conformance::grammar())
        .subcommand(connect::grammar())
        .subcommand(hook::grammar())
        .subcommand(run::grammar())
        .subcommand(epochs::grammar())
}

fn keys_grammar() -> Command {
    let create = Command::new("create")
        .about("Make a key; it is shown once")
        .arg(Arg::new("role").long("role").required(true).value_parser(["viewer", "operator", "admin", "agent"]))
        .arg(Arg::new("name").long("name").help("what people call it").default_value("unnamed"))
        .arg(
            Arg::new("session")
                .long("session")
                .help("for --role agent: the session whose subtree the key is bound to; a new id when missing"),
        )
        .arg(Arg::new("parent").long("parent").value_name("ID").help(
            "for --role agent: the session that its session is to stand below, fixed with the key; below none when missing",
        ))
        .arg(Arg::new("mission").long("mission").value_name("NAME").help(
            "for --role agent: the mission of its session, fixed with the key; that of the parent when missing",
        ))
        .arg(Arg::new("days").long("days").help("how many days it is good; for ever when missing"))
        .arg(
            Arg::new("quiet")
                .short('q')
                .long("quiet")
                .help("print the key and nothing else")
                .action(ArgAction::SetTrue),
        )
        .args(config::flags());
    let revoke = Command::new("revoke")
        .about("End a key; its open streams end within seconds")
        .arg(Arg::new("id").required(true).help("the key's id, as `keys list` shows it"))
        .args(config::flags());
    Command::new("keys")
        .about("Give out, list and end API keys, on this machine's database")
        .subcommand_required(true)
        .subcommand(create)
        .subcommand(Command::new("list").about("List all keys").args(config::flags()))
        .subcommand(revoke)
}

/// Runs what the command line says.
pub(crate) fn run() -> Outcome {
    let matches = grammar().get_matches();
    // What only asks a server needs no runtime.
    match matches.subcommand().and_then(|(name, given)| commands::run(name, given)) {
        Some(outcome) => outcome,
        None => tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(on_this_machine(&matches)),
    }
}

/// The server, and what works on its data folder.
async fn on_this_machine(matches: &ArgMatches) -> Outcome {
    match matches.subcommand() {
        Some(("demo", given)) => demo::run(configuration(given)?).await,
        Some(("audit", given)) => audit::run(given).await,
        Some(("migrate", given)) => migrate::run(&configuration(given)?).await,
        Some(("doctor", given)) => doctor::run(given).await,
        Some(("copy", given)) => copy::run(given).await,
        Some(("conformance", given)) => conformance::run(given).await,
        Some(("connect", given)) => connect::run(given),
        Some(("hook", given)) => hook::run(given).await,
        Some(("run", given)) => run::run(given).await,
        Some(("epoch", given)) => epochs::run(given).await,
        Some(("keys", given)) => match given.subcommand() {
            Some(("create", given)) => keys::create(&configuration(given)?, given).await,
            Some(("revoke", given)) => keys::revoke(&configuration(given)?, given).await,
            Some((_, given)) => keys::list(&configuration(given)?).await,
            None => Ok(()),
        },
        Some((_, given)) => serve::run(configuration(given)?).await,
        None => serve::run(configuration(matches)?).await,
    }
}

pub(crate) fn configuration(matches: &ArgMatches) -> Result<Config, config::ConfigError> {
    Config::load(matches, &config::environment())
}

/// Tells what went wrong, with all its causes, on one line each, and what to end with.
pub(crate) fn fail(error: &(dyn Error + Send + Sync + 'static)) -> ExitCode {
    terminal::note(&format!("flightdeck: {}", terminal::text(&error.to_string())));
    let mut cause = error.source();
    while let Some(next) = cause {
        terminal::note(&format!("  because: {}", terminal::text(&next.to_string())));
        cause = next.source();
    }
    let of_client = error.downcast_ref::<ClientError>().map(ClientError::exit_code);
    let code = of_client.or_else(|| error.downcast_ref::<serve::ServeError>().map(serve::ServeError::exit_code));
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Prints for whoever runs the command. A reader that is gone (`| head`) changes nothing: the command does its work. A text
/// that cannot be written for another reason ends the command with a failure, for what it says may be said only once.
pub(crate) fn say(text: impl std::fmt::Display) {
    if let Err(error) = terminal::put(&text)
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        terminal::note(&format!("flightdeck: cannot write to the standard output: {error}"));
        std::process::exit(1);
    }
}

/// Prints what a server has to say at its start. It runs whether or not that can be written.
pub(crate) fn announce(text: impl std::fmt::Display) {
    if let Err(error) = terminal::put(&text) {
        tracing::warn!(%error, "what the server says at its start could not be written to the standard output");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_grammar_holds_together() {
        super::grammar().debug_assert();
    }
}
