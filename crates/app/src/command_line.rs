//! The command line: all commands in one grammar, each handed to whoever does it.

use std::error::Error;
use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use flightdeck_settings::{Flags, ORDER};
use flightdeck_terminal::{Exit, Fault, Outcome};

use crate::config::Config;
use crate::{logging, server};

/// Mission control for fleets of AI agents
#[derive(Debug, Parser)]
#[command(name = "flightdeck", version)]
struct CommandLine {
    #[command(flatten)]
    flags: Flags,
    /// answer in JSON, for programs; errors are JSON, too, on standard error
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Without one it is `serve`.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default)
    #[command(after_help = ORDER)]
    Serve(ServeArgs),
    /// Run the server on a temporary store with a fleet of scripted agents to look at
    Demo(ServeArgs),
    #[command(flatten)]
    Ask(flightdeck_cli::Command),
    /// Give out, list and end API keys, on this machine's database
    Keys(flightdeck_admin::KeysArgs),
    /// Change the keys that credentials of providers are sealed with
    Secrets(flightdeck_admin::SecretsArgs),
    /// Take out, prove and sign the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show and change how long what has ended is kept, and what would go
    Retention(flightdeck_admin::RetentionArgs),
    /// Look into the archive, take conversations out of it, and put them back
    Archive(flightdeck_admin::ArchiveArgs),
    /// Bring the tables of the database up to date and say what was done; a server does so by itself
    Migrate(flightdeck_admin::MigrateArgs),
    /// Put the messages of a PostgreSQL into 16 parts, while servers work on it
    #[command(
        after_help = "Begins, or goes on where an earlier call was interrupted. Needs as much disk space again as the messages \
                      take, until --drop-old."
    )]
    PartitionMessages(flightdeck_admin::PartitionArgs),
    /// Check configuration, data folder, disk, database, Valkey and limits, and say what to mend
    Doctor(flightdeck_admin::DoctorArgs),
    /// Move a whole deployment into an empty database, with its audit log as it is
    #[command(
        after_help = "A place is sqlite:///path/to/flightdeck.db or postgres://user:password@host/database. Stop the \
                            servers first. The target is filled at once at the end, after it was held against the source; \
                            else it stays as it was."
    )]
    Copy(flightdeck_admin::CopyArgs),
    /// Run an agent of the configuration through everything that Flightdeck asks of one, and print what it did
    #[command(
        after_help = "The agent runs for real, in its own folder and with its own model. What it does is kept on a \
                      temporary store."
    )]
    Conformance(flightdeck_admin::ConformanceArgs),
    /// Run agents that a server on another machine assigns, and report for them
    #[command(
        after_help = "What agents say while the server is away is kept in the data folder, and arrives whole and in order. On \
                      SIGTERM the runner takes no more agents and leaves when those that are there have ended."
    )]
    Runner(flightdeck_runner::RunnerArgs),
    #[command(flatten)]
    Attach(flightdeck_attach::Command),
    /// Show which history of the deployment the database holds; cursors of readers belong to one
    Epoch(flightdeck_admin::EpochArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    flags: Flags,
}

/// The audit log, as a server shows it or as it lies in the data folder.
#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List entries of a server's audit log, newest first; the reading is recorded
    List(flightdeck_cli::AuditListArgs),
    /// Take the audit log out of the data folder, as GET /audit/export does
    Export(flightdeck_admin::AuditExportArgs),
    /// Prove an export of the audit log without the server; or, without FILE, the log of the data folder itself
    Verify(flightdeck_admin::AuditVerifyArgs),
    /// Sign the newest entry of the data folder's audit log now
    Checkpoint(flightdeck_admin::AuditCheckpointArgs),
    /// Write what is new since the last segment into a file of its own, signed; nothing is removed from the log
    Segment(flightdeck_admin::AuditSegmentArgs),
}

/// Does what the command line says. Also tells whether programs are to read what comes of it.
pub(crate) fn run() -> (bool, Outcome) {
    let CommandLine { flags, json, command } = parse();
    (json, done(command.unwrap_or(Command::Serve(ServeArgs { flags }))))
}

/// Reads the command line, or ends the process: with help, or with what is wrong with it.
fn parse() -> CommandLine {
    match CommandLine::try_parse() {
        Ok(read) => read,
        // What could not be read cannot tell whether it has --json.
        Err(error) if error.use_stderr() && asks_for_json(std::env::args_os()) => {
            Fault::new(Exit::Usage, &mistake(&error.to_string())).tell();
            Exit::Usage.end()
        }
        Err(error) => error.exit(),
    }
}

/// Whether the flag is there. What comes after `--` belongs to the command that `flightdeck run` runs.
fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// What is wrong, without the usage that is shown to people below it.
fn mistake(told: &str) -> String {
    let message = told.split("\n\nUsage:").next().unwrap_or(told);
    let message = message.split("\n\nFor more information").next().unwrap_or(message);
    message.trim().trim_start_matches("error: ").to_owned()
}

/// How long the end waits for threads that still wait for something outside, such as a receiver that does not answer. What counts
/// was waited for before.
const LINGER: Duration = Duration::from_secs(1);

fn done(command: Command) -> Outcome {
    match command {
        // What only asks a server needs no runtime.
        Command::Ask(command) => flightdeck_cli::run(&command, CommandLine::command()),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let outcome = runtime.block_on(on_this_machine(command));
            runtime.shutdown_timeout(LINGER);
            outcome
        }
    }
}

/// The server, what works on its data folder, and what stands beside an agent.
async fn on_this_machine(command: Command) -> Outcome {
    match command {
        Command::Serve(args) => server::serve(Config::load(&args.flags)?).await,
        Command::Demo(args) => server::demo(Config::load(&args.flags)?).await,
        Command::Ask(command) => flightdeck_cli::run(&command, CommandLine::command()),
        Command::Keys(args) => flightdeck_admin::keys(&args).await,
        Command::Secrets(args) => flightdeck_admin::secrets(&args).await,
        Command::Audit(command) => audit(&command).await,
        Command::Retention(args) => flightdeck_admin::retention(&args).await,
        Command::Archive(args) => Box::pin(flightdeck_admin::archive(&args)).await,
        Command::Migrate(args) => flightdeck_admin::migrate(&args).await,
        Command::PartitionMessages(args) => flightdeck_admin::partition_messages(&args).await,
        Command::Doctor(args) => {
            let config = Config::load(&args.flags);
            let settings = config.as_ref().map(Config::examined).map_err(|error| {
                let error: &(dyn Error + 'static) = error;
                error
            });
            flightdeck_admin::doctor(&args, settings).await
        }
        Command::Copy(args) => flightdeck_admin::copy(&args).await,
        Command::Conformance(args) => Box::pin(server::conformance(&args, Config::load(&args.flags)?)).await,
        Command::Runner(args) => {
            logging::start_by_environment();
            Box::pin(flightdeck_runner::run(args)).await
        }
        Command::Attach(command) => flightdeck_attach::run(command).await,
        Command::Epoch(args) => flightdeck_admin::epoch(&args).await,
    }
}

async fn audit(command: &AuditCommand) -> Outcome {
    match command {
        AuditCommand::List(args) => flightdeck_cli::audit_list(args),
        AuditCommand::Export(args) => match &args.url {
            Some(url) => {
                let after = flightdeck_admin::audit_seq(args.after.as_deref())?;
                flightdeck_cli::audit_export(url, &args.flags, after, args.out.as_deref(), args.json)
            }
            None => flightdeck_admin::audit_export(args).await,
        },
        AuditCommand::Verify(args) => match (&args.url, &args.file) {
            (Some(url), None) => flightdeck_cli::audit_verify(url, &args.flags, args.json),
            _ => flightdeck_admin::audit_verify(args).await,
        },
        AuditCommand::Checkpoint(args) => flightdeck_admin::audit_checkpoint(args).await,
        AuditCommand::Segment(args) => flightdeck_admin::audit_segment(args).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_takes_json() {
        fn look(command: &clap::Command, path: &str) {
            for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
                let path = format!("{path} {}", below.get_name());
                assert!(below.get_arguments().any(|argument| argument.get_long() == Some("json")), "{path}");
                look(below, &path);
            }
        }
        let mut whole = CommandLine::command();
        whole.build();
        look(&whole, "flightdeck");
    }

    #[test]
    fn json_is_asked_for_on_either_side_of_the_command_but_not_by_what_is_run() {
        let read = |words: &str| CommandLine::try_parse_from(words.split(' ')).expect("read").json;
        assert!(read("flightdeck --json ps") && read("flightdeck ps --json") && read("flightdeck keys list --json"));
        assert!(!read("flightdeck run --name x -- command --json"));
        let asks = |words: &str| asks_for_json(words.split(' ').map(OsString::from));
        assert!(asks("flightdeck ps --json --wrong") && !asks("flightdeck run -- command --json"));
    }

    #[test]
    fn a_mistake_is_told_without_the_usage() {
        let error = CommandLine::try_parse_from(["flightdeck", "spawn"]).expect_err("incomplete").to_string();
        let told = mistake(&error);
        assert!(told.starts_with("the following required arguments were not provided:"), "{told}");
        assert!(told.contains("--type <TYPE>") && !told.contains("Usage:") && !told.contains("--help"), "{told}");
    }
}
