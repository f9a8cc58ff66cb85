//! `flightdeck pause`, `resume`, `interrupt`, `kill` and `close`: asks, and waits until it is seen.

use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use super::{begin, confirm, operation, reason_argument, text, wait, wait_argument, yes_argument};
use crate::cli::Outcome;
use crate::client::{self, Client, ClientError, Filter, fetch, flags, tail, word};
use crate::terminal::{Out, line, note};

/// What can be asked, and what it is called when it is done.
const VERBS: [(&str, &str); 4] =
    [("pause", "paused"), ("resume", "resumed"), ("interrupt", "interrupted"), ("kill", "killed")];

pub(super) fn is(name: &str) -> bool {
    VERBS.iter().any(|(verb, _)| *verb == name)
}

fn id_argument() -> Arg {
    Arg::new("id")
        .value_name("ID")
        .required(true)
        .num_args(1..)
        .help("sessions: their ids, or parts that only one begins or ends with")
}

fn of(verb: &'static str, about: &'static str) -> Command {
    Command::new(verb)
        .about(about)
        .arg(id_argument())
        .arg(
            Arg::new("scope")
                .long("scope")
                .value_parser(["self", "subtree", "mission"])
                .default_value("self")
                .help("this one alone, with all below it, or all of its mission"),
        )
        .arg(reason_argument())
        .arg(wait_argument("10s"))
        .arg(yes_argument())
        .args(flags())
}

pub(crate) fn pause() -> Command {
    of("pause", "Have agents stop, able to go on")
}

pub(crate) fn resume() -> Command {
    of("resume", "Let paused agents go on")
}

pub(crate) fn interrupt() -> Command {
    of("interrupt", "Have agents stop their current turn").arg(
        Arg::new("drop")
            .long("drop-queued")
            .help("take back the messages that wait for them, too")
            .action(ArgAction::SetTrue),
    )
}

pub(crate) fn kill() -> Command {
    of("kill", "Stop agents for good")
}

pub(crate) fn close() -> Command {
    Command::new("close")
        .about("Say that agents are gone which ended without a word")
        .arg(id_argument())
        .arg(reason_argument())
        .args(flags())
}

/// Nothing is asked of an agent, so there is nothing to wait for.
pub(crate) fn run_close(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let body = body(given);
    for id in given.get_many::<String>("id").into_iter().flatten() {
        let reply = client.post(&format!("/agents/{}/close", client::session(&client, id)?), &body)?.body;
        if out.json {
            out.json(&reply);
        } else {
            out.line(&line(word(&reply, "message")));
        }
    }
    Ok(())
}

/// Only [`run_as`] knows which of them is meant.
#[expect(clippy::unnecessary_wraps, reason = "as every command")]
pub(crate) fn run(_: &ArgMatches) -> Outcome {
    Ok(())
}

pub(super) fn run_as(verb: &str, given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let deadline = Instant::now() + wait(given)?;
    let scope = text(given, "scope").unwrap_or("self");
    let ids = given.get_many::<String>("id").into_iter().flatten();
    let ids: Vec<String> = ids.map(|id| client::session(&client, id)).collect::<Result<_, _>>()?;
    if scope != "self" {
        announce(&client, out, verb, scope, &ids, given.get_flag("yes"))?;
    }
    let done = VERBS.iter().find(|(name, _)| *name == verb).map_or("done", |(_, done)| done);
    let body = body(given);
    let mut last = Ok(());
    for id in &ids {
        let result = one(&client, out, &format!("/agents/{id}/{verb}?scope={scope}&wait=0s"), &body, done, deadline);
        // One that cannot be stopped is no reason to leave the others running.
        if let Err(error) = result {
            if ids.len() > 1 {
                note(&line(&format!("{id}: {error}")));
            }
            last = Err(error);
        }
    }
    last
}

fn body(given: &ArgMatches) -> Value {
    let mut body = Map::new();
    if let Some(reason) = text(given, "reason") {
        body.insert("reason".to_owned(), reason.into());
    }
    if given.try_get_one::<bool>("drop").ok().flatten() == Some(&true) {
        body.insert("drop".to_owned(), true.into());
    }
    Value::Object(body)
}

fn one(client: &Client, out: Out, path: &str, body: &Value, done: &str, deadline: Instant) -> Outcome {
    let reply = client.post(path, body)?.body;
    match reply["operationId"].as_str() {
        Some(operation) => operation::prove(client, out, operation, done, deadline),
        None if out.json => {
            out.json(&reply);
            Ok(())
        }
        None => {
            out.line(&line(word(&reply, "message")));
            Ok(())
        }
    }
}

/// Lists what will be hit, and asks.
fn announce(
    client: &Client,
    out: Out,
    verb: &str,
    scope: &str,
    ids: &[String],
    yes: bool,
) -> Result<(), crate::cli::BoxError> {
    let mut hit = Vec::new();
    for id in ids {
        let live = Some(Filter::LIVE.to_owned());
        let filter = if scope == "subtree" {
            Filter { root: Some(id.clone()), statuses: live, ..Filter::default() }
        } else {
            let session = client.get(&format!("/agents/{id}/status"))?.body;
            let Some(mission) = session["missionId"].as_str() else {
                return Err(ClientError::NotDone(format!("session {id} belongs to no mission")).into());
            };
            Filter { mission: Some(mission.to_owned()), statuses: live, ..Filter::default() }
        };
        hit.extend(fetch(client, &filter, None)?.entries);
    }
    hit.sort_by_key(|entry| entry.session_id);
    hit.dedup_by_key(|entry| entry.session_id);
    if !out.json {
        for entry in &hit {
            let (id, status) = (tail(&entry.session_id), entry.shown_status());
            note(&line(&format!("  {id}  {} {}  {status}", entry.agent_type, entry.task_id)));
        }
    }
    let agents = if hit.len() == 1 { "agent" } else { "agents" };
    Ok(confirm(&format!("{verb} {} {agents}?", hit.len()), yes)?)
}
