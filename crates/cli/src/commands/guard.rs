//! `flightdeck guard`: whether the agents of a mission are watched.

use flightdeck_client::encode;
use flightdeck_client::replies::Mission;
use flightdeck_terminal::{Outcome, line};
use serde_json::{Map, Value};

use crate::ask::begin;
use crate::grammar::{GuardArgs, Watched};

pub(super) fn run(args: &GuardArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let path = format!("/missions/{}", encode(&args.mission));
    let reply = match args.watched {
        None => client.get(&path)?,
        Some(watched) => {
            let mut body = Map::from_iter([("watched".to_owned(), Value::from(watched == Watched::On))]);
            body.extend(args.why.reason.clone().map(|reason| ("reason".to_owned(), Value::from(reason))));
            client.put(&format!("{path}/guard"), &Value::Object(body))?
        }
    };
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let Mission { mission_id, guarded, .. } = reply.read()?;
    let state = if guarded { "agents that run wild are warned and paused" } else { "its agents are left alone" };
    out.line(&line(&format!("mission {mission_id}: {state}")));
    Ok(())
}
