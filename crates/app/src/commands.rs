//! Commands that ask a running server, one file each.
#![expect(clippy::indexing_slicing, reason = "JSON is read: what is missing in it reads as null")]

mod approvals;
mod audit_list;
mod completions;
mod control;
mod inject;
mod kill_all;
mod login;
mod logs;
mod missions;
mod operation;
mod ps;
mod show;
mod spawn;
mod tree;

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

pub(crate) use audit_list::{
    export as audit_export, grammar as audit_list_grammar, run as audit_list, verify as audit_verify,
};
pub(crate) use tree::in_order;

use crate::cli::{BoxError, Outcome};
use crate::client::{Client, ClientError, connect};
use crate::terminal::Out;

/// A command: how it is given, and what it does.
type Entry = (fn() -> Command, fn(&ArgMatches) -> Outcome);

/// In the order in which help lists them.
const COMMANDS: &[Entry] = &[
    (tree::grammar, tree::run),
    (ps::grammar, ps::run),
    (show::grammar, show::run),
    (logs::grammar, logs::run),
    (missions::grammar, missions::run),
    (spawn::grammar, spawn::run),
    (inject::grammar, inject::run),
    (control::pause, control::run),
    (control::resume, control::run),
    (control::interrupt, control::run),
    (control::kill, control::run),
    (control::close, control::run_close),
    (kill_all::grammar, kill_all::run),
    (approvals::grammar, approvals::run),
    (login::grammar, login::run),
    (completions::grammar, completions::run),
];

/// The grammars of all of them.
pub(crate) fn grammars() -> impl Iterator<Item = Command> {
    COMMANDS.iter().map(|(grammar, _)| grammar())
}

/// Runs the command of this name; `None` when there is none here.
pub(crate) fn run(name: &str, given: &ArgMatches) -> Option<Outcome> {
    let command = COMMANDS.iter().find(|(grammar, _)| grammar().get_name() == name);
    // Pause, resume, interrupt and kill are one piece of code, and the matches do not say which they are of.
    command.map(|(_, run)| if control::is(name) { control::run_as(name, given) } else { run(given) })
}

/// The server, and where answers go.
fn begin(given: &ArgMatches) -> Result<(Client, Out), BoxError> {
    Ok((connect(given)?, Out::new(given.get_flag("json"))))
}

/// One session of a command's arguments.
fn id_argument() -> Arg {
    Arg::new("id")
        .value_name("ID")
        .required(true)
        .help("a session: its id, or a part that only one begins or ends with")
}

fn reason_argument() -> Arg {
    Arg::new("reason").long("reason").value_name("TEXT").help("why, for the audit log and the agent")
}

fn yes_argument() -> Arg {
    Arg::new("yes").short('y').long("yes").help("do not ask first").action(ArgAction::SetTrue)
}

fn wait_argument(default: &'static str) -> Arg {
    Arg::new("wait")
        .long("wait")
        .value_name("TIME")
        .default_value(default)
        .help("how long to wait for the effect, as 500ms, 10s or 2m; 0s not at all")
}

fn text<'a>(given: &'a ArgMatches, name: &str) -> Option<&'a str> {
    given.get_one::<String>(name).map(String::as_str)
}

/// The time of `--wait`.
fn wait(given: &ArgMatches) -> Result<Duration, ClientError> {
    let text = text(given, "wait").unwrap_or("0s");
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000)];
    let millis =
        units.iter().find_map(|(unit, millis)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*millis));
    millis.filter(|millis| *millis <= 3_600_000).map(Duration::from_millis).ok_or_else(|| {
        ClientError::Usage(format!("--wait: {text:?} is not a time up to 60m, such as 500ms, 10s or 2m"))
    })
}

/// Asks a person; where there is none, `--yes` has to say it.
fn confirm(question: &str, yes: bool) -> Result<(), ClientError> {
    use std::io::{BufRead, Write};
    if yes {
        return Ok(());
    }
    if !crate::terminal::is_person() {
        return Err(ClientError::Usage("nobody is there to be asked; say --yes".to_owned()));
    }
    let mut err = std::io::stderr().lock();
    let asked = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if asked.is_ok() && read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(ClientError::NotDone("nothing was done".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_time() {
        let wait = |text: &str| {
            let matches = Command::new("x").arg(wait_argument("10s")).get_matches_from(["x", "--wait", text]);
            super::wait(&matches)
        };
        assert_eq!(wait("500ms").expect("valid"), Duration::from_millis(500));
        assert_eq!(wait("2m").expect("valid"), Duration::from_mins(2));
        assert_eq!(wait("0s").expect("valid"), Duration::ZERO);
        for wrong in ["", "5", "s", "61m", "1h"] {
            assert!(wait(wrong).is_err(), "{wrong}");
        }
    }
}
