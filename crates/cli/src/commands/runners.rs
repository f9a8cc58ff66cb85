//! `flightdeck runners`: the programs on other machines that start agents, and who waits for one.

use chrono::{DateTime, Utc};
use flightdeck_client::encode;
use flightdeck_client::replies::{Runner, Runners, WaitingAgents};
use flightdeck_terminal::{Column, Outcome, Table, Tone, age, clock, line};
use serde_json::{Map, Value};

use crate::ask::{begin, confirm};
use crate::grammar::{Asking, RunnersArgs, RunnersCommand};

/// A clock that differs by so much is told, in milliseconds.
const CLOCKS_DIFFER: i64 = 2_000;

pub(super) fn run(args: &RunnersArgs) -> Outcome {
    match &args.command {
        None => list(&args.asking),
        Some(RunnersCommand::List { asking }) => list(asking),
        Some(RunnersCommand::Drain { runner, why, asking }) => {
            change(&runner.name, "drain", why.reason.as_deref(), asking)
        }
        Some(RunnersCommand::Undrain { runner, why, asking }) => {
            change(&runner.name, "undrain", why.reason.as_deref(), asking)
        }
        Some(RunnersCommand::Remove { runner, why, unasked, asking }) => {
            remove(&runner.name, why.reason.as_deref(), unasked.yes, asking)
        }
    }
}

fn path(name: &str) -> String {
    format!("/runners/{}", encode(name))
}

fn body(reason: Option<&str>) -> Value {
    let reason = reason.map(|reason| ("reason".to_owned(), Value::from(reason)));
    Value::Object(reason.into_iter().collect::<Map<_, _>>())
}

fn list(asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let (runners, waiting) = (client.get("/runners")?, client.get("/waiting-agents")?);
    if out.json {
        let mut all = runners.body.as_object().cloned().unwrap_or_default();
        all.extend(waiting.body.as_object().cloned().unwrap_or_default());
        out.json(&Value::Object(all));
        return Ok(());
    }
    let now = clock();
    let (Runners { runners }, WaitingAgents { waiting }) = (runners.read()?, waiting.read()?);
    out.table(&table(&runners, now), "no runner has joined this server; `flightdeck runner` starts one");
    if !waiting.is_empty() {
        let mut table = Table::new(&[
            Column::whole("WAITING"),
            Column::whole("CONFIGURATION"),
            Column::whole("AGE"),
            Column::wrapped("WHY"),
        ]);
        for agent in &waiting {
            table.row([
                (Tone::Strong, agent.agent_id.as_str()),
                (Tone::Plain, &agent.configuration),
                (Tone::Plain, &age(agent.since, now)),
                (Tone::Plain, &agent.reason),
            ]);
        }
        out.line("");
        out.table(&table, "");
    }
    Ok(())
}

fn table(runners: &[Runner], now: DateTime<Utc>) -> Table {
    let mut table = Table::new(&[
        Column::whole("RUNNER"),
        Column::whole("STATE"),
        Column::whole("LOAD"),
        Column::wrapped("OFFERS"),
        Column::wrapped("LABELS"),
        Column::whole("SEEN"),
        Column::wrapped("VERSION"),
        Column::wrapped("CLOCK"),
    ]);
    for runner in runners {
        let tone = match runner.state.as_str() {
            "active" => Tone::Good,
            "gone" => Tone::Bad,
            _ => Tone::Faint,
        };
        table.row([
            (Tone::Strong, runner.name.as_str()),
            (tone, &runner.state),
            (Tone::Plain, &format!("{}/{}", runner.load, runner.capacity)),
            (Tone::Plain, &runner.offers.join(", ")),
            (Tone::Plain, &runner.labels.join(", ")),
            (Tone::Plain, &age(runner.last_seen_at, now)),
            (Tone::Plain, &runner.version),
            (Tone::Plain, &difference(runner.clock_ahead_ms)),
        ]);
    }
    table
}

/// What its clock says of the server's, where that matters.
fn difference(ahead: i64) -> String {
    let seconds = ahead.unsigned_abs() / 1_000;
    if ahead.abs() <= CLOCKS_DIFFER {
        "same".to_owned()
    } else if ahead > 0 {
        format!("{seconds} s ahead")
    } else {
        format!("{seconds} s behind")
    }
}

fn change(name: &str, what: &str, reason: Option<&str>, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let reply = client.post_once(&format!("{}/{what}", path(name)), &body(reason))?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let runner: Runner = reply.read()?;
    let name = line(&runner.name);
    match runner.state.as_str() {
        "draining" => out.line(&format!("{name} takes no more agents; it has {}", runner.load)),
        state => out.line(&format!("{name} is {}", line(state))),
    }
    Ok(())
}

fn remove(name: &str, reason: Option<&str>, yes: bool, asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let runner: Runner = client.get(&path(name))?.read()?;
    confirm(&format!("remove runner {}, with {} agents?", line(name), runner.load), yes)?;
    let reply = client.delete(&path(name), &body(reason))?;
    if out.json {
        out.json(&reply.body);
    } else {
        out.line(&format!("{} is removed; sessions whose agents it had fail", line(name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use flightdeck_terminal::Paint;
    use serde_json::json;

    use super::*;

    #[test]
    fn load_sight_and_clock_are_told() {
        let runners = json!({"runners": [
            {"name": "a", "state": "active", "labels": ["gpu"], "offers": ["acp", "scripted"], "capacity": 8, "load": 3,
             "version": "flightdeck 0.1.0", "lastSeenAt": "2026-01-31T12:00:00Z", "clockAheadMs": -1},
            {"name": "b", "state": "gone", "capacity": 4, "load": 1, "offers": ["acp"], "version": "x",
             "lastSeenAt": "2026-01-31T11:00:00Z", "clockAheadMs": -65_000},
        ]});
        let Runners { runners } = serde_json::from_value(runners).expect("runners");
        let now = "2026-01-31T12:00:05Z".parse().expect("a time");
        insta::assert_snapshot!(table(&runners, now).lines(Paint::OFF, None).join("\n"), @r"
        RUNNER  STATE   LOAD  OFFERS         LABELS  SEEN  VERSION           CLOCK
        a       active  3/8   acp, scripted  gpu     5s    flightdeck 0.1.0  same
        b       gone    1/4   acp                    1h    x                 65 s behind
        ");
    }
}
