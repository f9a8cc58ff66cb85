//! `flightdeck kill-all`: stops the whole fleet, or lets agents be started again.

use std::time::Instant;

use flightdeck_client::replies::Controlled;
use flightdeck_client::{Filter, fetch};
use flightdeck_terminal::{Outcome, line, note};
use serde_json::{Map, Value};

use super::operation;
use crate::ask::{begin, confirm};
use crate::grammar::{KillAllArgs, wait};

pub(super) fn run(args: &KillAllArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let mut body = Map::new();
    if let Some(reason) = &args.why.reason {
        body.insert("reason".to_owned(), reason.as_str().into());
    }
    let body = Value::Object(body);
    if args.release {
        let reply = client.post("/killswitch/release", &body)?;
        if out.json {
            out.json(&reply.body);
        } else {
            out.line(&line(&reply.read::<Controlled>()?.message));
        }
        return Ok(());
    }
    let wait = wait(&args.wait)?;
    if !args.unasked.yes {
        let filter = Filter { statuses: Some(Filter::LIVE.to_owned()), ..Filter::default() };
        let live = fetch(&client, &filter, None)?.entries.len();
        confirm(&format!("kill all {live} agents, and let none be started?"), false)?;
    }
    let deadline = Instant::now() + wait;
    let asked: Controlled = client.post("/agents/kill-all?wait=0s", &body)?.read()?;
    let proven = operation::prove(&client, out, &asked.operation_id.unwrap_or_default(), "killed", deadline);
    if !out.json {
        note("nothing can be started until: flightdeck kill-all --release");
    }
    proven
}
