//! `flightdeck hook`: a hook of an agent that runs commands, passed on to the server.

use std::io::Read;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use crate::cli::{BoxError, Outcome, say};
use crate::link::{self, Link};

/// The most bytes of a hook that are passed on.
const LARGEST: u64 = 64 << 20;
/// How much longer than the server may hold the answer back is waited for it.
const SLACK: Duration = Duration::from_secs(5);

pub(crate) fn grammar() -> Command {
    let claude_code = Command::new("claude-code")
        .about("Pass a command hook of Claude Code on: its body comes on standard input, the answer goes to standard output")
        .long_about(
            "Passes a command hook of Claude Code on: its body comes on standard input, the answer goes to standard output.\n\
             \n\
             When the server cannot be asked, the hook says nothing and ends well, so that the agent works on; with \
             --unreachable deny it blocks what the agent is about to do.",
        )
        .args(link::flags())
        .args(options());
    Command::new("hook")
        .about("Pass a hook of an agent on to the server")
        .subcommand_required(true)
        .subcommand(claude_code)
}

/// What is said about a session that appears by a hook.
pub(crate) fn options() -> [Arg; 4] {
    [
        Arg::new("hold")
            .long("hold")
            .value_name("SECONDS")
            .help("how long a pause or a permission request may hold the agent at one hook")
            .value_parser(clap::value_parser!(u64).range(1..=590))
            .default_value("50"),
        Arg::new("mission").long("mission").value_name("NAME").help("the mission of its sessions"),
        Arg::new("task").long("task").value_name("NAME").help("their work item; the name of the folder when missing"),
        Arg::new("unreachable")
            .long("unreachable")
            .help("what becomes of a tool call when the server, or its database, cannot be asked")
            .value_parser(["allow", "deny"])
            .default_value("allow"),
    ]
}

/// The path of the route, with what is said.
pub(crate) fn path(given: &ArgMatches) -> String {
    let mut path = format!("/hooks/claude-code?hold={}s", hold(given).as_secs());
    for (flag, name) in [("mission", "missionId"), ("task", "taskId")] {
        if let Some(value) = given.get_one::<String>(flag) {
            path = format!("{path}&{name}={}", encoded(value));
        }
    }
    if denies(given) { format!("{path}&unavailable=deny") } else { path }
}

/// Whether nothing is to run that nobody could be asked about.
pub(crate) fn denies(given: &ArgMatches) -> bool {
    given.get_one::<String>("unreachable").is_some_and(|word| word == "deny")
}

pub(crate) fn hold(given: &ArgMatches) -> Duration {
    Duration::from_secs(given.get_one::<u64>("hold").copied().unwrap_or(50))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The exit code that blocks what the agent is about to do; what stands on standard error is the reason.
const BLOCK: u8 = 2;

pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    let Some(("claude-code", given)) = given.subcommand() else { return Ok(()) };
    let given = given.clone();
    let deny = denies(&given);
    let answered = tokio::task::spawn_blocking(move || claude_code(&given)).await?;
    match answered {
        Ok(answer) if answer.as_object().is_some_and(|answer| !answer.is_empty()) => say(answer),
        Ok(_) => {}
        Err(error) => {
            // Never a failure that the agent has to deal with, unless it was wished for.
            crate::cli::fail(error.as_ref());
            if deny {
                std::process::exit(BLOCK.into());
            }
        }
    }
    Ok(())
}

/// Why a hook was not answered.
#[derive(Debug, thiserror::Error)]
enum HookError {
    #[error("the server refused the hook: {0}")]
    Refused(String),
}

fn claude_code(given: &ArgMatches) -> Result<Value, BoxError> {
    let mut body = Vec::new();
    let mut input = std::io::stdin().lock();
    // The server knows from the beginning whose a hook is; the rest is taken so that its writer does not fail.
    input.by_ref().take(LARGEST).read_to_end(&mut body)?;
    std::io::copy(&mut input, &mut std::io::sink())?;
    let link = Link::open(given)?;
    let answer = link.post(&path(given), &body, hold(given) + SLACK)?;
    if answer.is_good() { Ok(answer.body) } else { Err(HookError::Refused(answer.problem()).into()) }
}
