//! The command line.

use std::error::Error;
use std::process::ExitCode;

use clap::{ArgMatches, Command};
use tokio::task::LocalSet;

use crate::error::{BenchError, Outcome};
use crate::figures::Summary;
use crate::options::{common, given, launcher, seconds};
use crate::progress::watched;
use crate::{compare, instructions, limits, report, scenario, smoke};

/// The command line's grammar.
pub(crate) fn grammar() -> Command {
    Command::new("flightdeck-bench")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Loads a Flightdeck server, checks what it answers, and tells how fast it was")
        .subcommand_required(true)
        .args(common())
        .subcommands(scenario::grammars())
        .subcommand(limits::grammar())
        .subcommand(report::grammar())
        .subcommand(compare::grammar())
        .subcommand(smoke::grammar())
        .subcommand(instructions::grammar())
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let matches = grammar().get_matches();
    // Each follower is a file descriptor, here and in the servers that are started.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        complain(&BenchError::system("cannot raise the limit of open files")(error));
    }
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::system("cannot start"))
        .and_then(|runtime| LocalSet::new().block_on(&runtime, execute(&words, &matches)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(if matches!(error, BenchError::Violation(_)) { 2 } else { 1 })
        }
    }
}

async fn execute(words: &[String], matches: &ArgMatches) -> Outcome<()> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    if name == "report" {
        let started = std::time::Instant::now();
        let tell = |title: &str| notice(&format!("{:>6} s  {title}", started.elapsed().as_secs()));
        let out = report::write(matches, async |words| again(words).await, tell).await?;
        say(&format!("written to {}", out.display()));
        return Ok(());
    }
    if name == "smoke" {
        return smoke::run(matches, async |words| again(words).await, say).await;
    }
    if name == "instructions" {
        return instructions::run(matches, say).await;
    }
    if name == "compare" {
        return compare::run(matches, say).await;
    }
    let summary = summary(name, matches, words).await?;
    if matches.get_flag("json") {
        say(&format!("{:#}", summary.json()));
    } else {
        say(summary.table().trim_end());
    }
    Ok(())
}

/// Runs a command of the report as if it had been typed.
async fn again(words: &[String]) -> Outcome<Summary> {
    let typed = std::iter::once("flightdeck-bench").chain(words.iter().map(String::as_str));
    let matches = grammar().try_get_matches_from(typed).map_err(|error| BenchError::Usage(error.to_string()))?;
    match matches.subcommand() {
        Some((name, matches)) => summary(name, matches, words).await,
        None => Err(BenchError::Usage("a command is missing".to_owned())),
    }
}

/// What one command's runs say together.
async fn summary(name: &str, matches: &ArgMatches, words: &[String]) -> Outcome<Summary> {
    let command = format!("flightdeck-bench {}", words.join(" "));
    let runs = given(matches, "runs").max(1);
    if name == "limits" {
        return Ok(Summary::new(command, limits::run(matches, runs).await?));
    }
    let work = async { scenario::run(name, matches, &launcher(matches)?, runs).await };
    Ok(Summary::new(command, watched(seconds(matches, "patience"), work).await?))
}

/// Tells where a long command stands.
#[expect(clippy::print_stderr, reason = "the command line answers here")]
fn notice(text: &str) {
    eprintln!("{text}");
}

/// Tells what went wrong, with all its causes.
#[expect(clippy::print_stderr, reason = "the command line answers here")]
fn complain(error: &dyn Error) {
    eprintln!("flightdeck-bench: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        eprintln!("  because: {next}");
        cause = next.source();
    }
}

/// Prints for whoever runs the command.
#[expect(clippy::print_stdout, reason = "the command line answers here")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_grammar_holds_together() {
        super::grammar().debug_assert();
    }
}
