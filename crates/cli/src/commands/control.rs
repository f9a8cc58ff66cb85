//! `flightdeck pause`, `resume`, `interrupt`, `kill` and `close`: asks, and waits until it is seen.

use std::error::Error;
use std::time::Instant;

use flightdeck_client::replies::{Controlled, Session};
use flightdeck_client::{Client, Filter, fetch};
use flightdeck_terminal::{Exit, Fault, Out, Outcome, line, note};
use serde_json::{Map, Value};

use super::operation;
use crate::ask::{begin, confirm};
use crate::error::{CommandError, exit_of, fault_of};
use crate::grammar::{CloseArgs, ControlArgs, Scope, wait};
use crate::ids::{session, tail};

/// What can be asked.
#[derive(Clone, Copy)]
pub(super) enum Verb {
    Pause,
    Resume,
    Interrupt {
        /// Messages that wait are taken back, too.
        drop: bool,
    },
    Kill,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Interrupt { .. } => "interrupt",
            Self::Kill => "kill",
        }
    }

    /// What it is called when it is done.
    const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Interrupt { .. } => "interrupted",
            Self::Kill => "killed",
        }
    }
}

/// Nothing is asked of an agent, so there is nothing to wait for.
pub(super) fn close(args: &CloseArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let body = body(args.why.reason.as_deref(), false);
    for id in &args.sessions.ids {
        let reply = client.post(&format!("/agents/{}/close", session(&client, id)?), &body)?;
        if out.json {
            out.json(&reply.body);
        } else {
            out.line(&line(&reply.read::<Controlled>()?.message));
        }
    }
    Ok(())
}

pub(super) fn run(args: &ControlArgs, verb: Verb) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let deadline = Instant::now() + wait(&args.wait)?;
    let ids: Vec<String> = args.sessions.ids.iter().map(|id| session(&client, id)).collect::<Result<_, _>>()?;
    if args.scope != Scope::Alone {
        announce(&client, out, verb, args.scope, &ids, args.unasked.yes)?;
    }
    let body = body(args.why.reason.as_deref(), matches!(verb, Verb::Interrupt { drop: true }));
    let mut last = Ok(());
    for id in &ids {
        let path = format!("/agents/{id}/{}?scope={}&wait=0s", verb.name(), args.scope.name());
        let result = one(&client, out, &path, &body, verb.done(), deadline);
        // One that cannot be stopped is no reason to leave the others running.
        if let Err(error) = result {
            if ids.len() > 1 {
                tell_of(out, id, error.as_ref());
            }
            last = Err(error);
        }
    }
    last
}

/// Tells of which of several agents an error is. The last one is also what the command ends with.
fn tell_of(out: Out, id: &str, error: &(dyn Error + Send + Sync + 'static)) {
    let message = format!("{id}: {error}");
    if out.json {
        let exit = exit_of(error).unwrap_or(Exit::Failed);
        Fault { message, ..fault_of(exit, error) }.tell();
    } else {
        note(&line(&message));
    }
}

fn body(reason: Option<&str>, drop: bool) -> Value {
    let mut body = Map::new();
    if let Some(reason) = reason {
        body.insert("reason".to_owned(), reason.into());
    }
    if drop {
        body.insert("drop".to_owned(), true.into());
    }
    Value::Object(body)
}

fn one(client: &Client, out: Out, path: &str, body: &Value, done: &str, deadline: Instant) -> Outcome {
    let reply = client.post(path, body)?;
    let asked: Controlled = reply.read()?;
    match asked.operation_id {
        Some(operation) => operation::prove(client, out, &operation, done, deadline),
        None if out.json => {
            out.json(&reply.body);
            Ok(())
        }
        None => {
            out.line(&line(&asked.message));
            Ok(())
        }
    }
}

/// Lists what will be hit, and asks.
fn announce(
    client: &Client,
    out: Out,
    verb: Verb,
    scope: Scope,
    ids: &[String],
    yes: bool,
) -> Result<(), CommandError> {
    let mut hit = Vec::new();
    for id in ids {
        let live = Some(Filter::LIVE.to_owned());
        let filter = if scope == Scope::Subtree {
            Filter { root: Some(id.clone()), statuses: live, ..Filter::default() }
        } else {
            let session: Session = client.get(&format!("/agents/{id}/status"))?.read()?;
            let Some(mission) = session.mission_id else {
                return Err(CommandError::NotDone(format!("session {id} belongs to no mission")));
            };
            Filter { mission: Some(mission), statuses: live, ..Filter::default() }
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
    confirm(&format!("{} {} {agents}?", verb.name(), hit.len()), yes)
}
