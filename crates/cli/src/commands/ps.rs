//! `flightdeck ps`: sessions in a list.

use flightdeck_client::{Filter, fetch};
use flightdeck_terminal::{Column, Outcome, Table, Tone, age, clock, of_status};
use serde_json::Value;

use super::tree::most;
use crate::ask::begin;
use crate::grammar::PsArgs;
use crate::ids::tail;

pub(super) fn run(args: &PsArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let live = (!args.all).then(|| Filter::LIVE.to_owned());
    let filter = Filter {
        statuses: args.status.clone().or(live),
        mission: args.mission.clone(),
        agent_type: args.agent_type.clone(),
        root: None,
    };
    let fetched = fetch(&client, &filter, Some(most(args.limit)))?;
    if out.json {
        out.json(&Value::Array(fetched.raw));
        return Ok(());
    }
    let now = clock();
    let mut table = Table::new(&[
        Column::whole("ID"),
        Column::wrapped("STATUS"),
        Column::whole("AGE"),
        Column::whole("MSGS"),
        Column::cut("TYPE"),
        Column::cut("TASK"),
        Column::cut("MISSION"),
    ]);
    for entry in &fetched.entries {
        table.row([
            (Tone::Faint, &tail(&entry.session_id)),
            (of_status(&entry.status), &entry.shown_status()),
            (Tone::Plain, &age(entry.spawned_at, now)),
            (Tone::Plain, &entry.last_seq.to_string()),
            (Tone::Strong, &entry.agent_type),
            (Tone::Plain, &entry.task_id),
            (Tone::Plain, entry.mission_id.as_deref().unwrap_or("-")),
        ]);
    }
    out.table(&table, "no sessions");
    if fetched.more {
        out.line(&out.paint.paint(Tone::Faint, "… and older ones; --limit shows more"));
    }
    Ok(())
}
