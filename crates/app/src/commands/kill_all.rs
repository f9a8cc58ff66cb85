//! `flightdeck kill-all`: stops the whole fleet, or lets agents be started again.

use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use super::{begin, confirm, operation, reason_argument, text, wait, wait_argument, yes_argument};
use crate::cli::Outcome;
use crate::client::{Filter, fetch, flags, word};
use crate::terminal::{line, note};

pub(crate) fn grammar() -> Command {
    Command::new("kill-all")
        .about("Kill every agent; none can be started until kill-all --release")
        .arg(
            Arg::new("release")
                .long("release")
                .help("let agents be started again; kills nobody")
                .action(ArgAction::SetTrue),
        )
        .arg(reason_argument())
        .arg(wait_argument("30s"))
        .arg(yes_argument())
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let mut body = Map::new();
    if let Some(reason) = text(given, "reason") {
        body.insert("reason".to_owned(), reason.into());
    }
    let body = Value::Object(body);
    if given.get_flag("release") {
        let reply = client.post("/killswitch/release", &body)?.body;
        if out.json {
            out.json(&reply);
        } else {
            out.line(&line(word(&reply, "message")));
        }
        return Ok(());
    }
    let wait = wait(given)?;
    if !given.get_flag("yes") {
        let filter = Filter { statuses: Some(Filter::LIVE.to_owned()), ..Filter::default() };
        let live = fetch(&client, &filter, None)?.entries.len();
        confirm(&format!("kill all {live} agents, and let none be started?"), false)?;
    }
    let deadline = Instant::now() + wait;
    let reply = client.post("/agents/kill-all?wait=0s", &body)?.body;
    let proven = operation::prove(&client, out, word(&reply, "operationId"), "killed", deadline);
    note("nothing can be started until: flightdeck kill-all --release");
    proven
}
