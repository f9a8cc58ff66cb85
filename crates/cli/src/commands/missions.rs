//! `flightdeck missions`: the fleet by what it works on.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use flightdeck_client::{Entry, Filter, fetch};
use flightdeck_terminal::{Column, Outcome, Table, Tone, age, clock};
use serde::Serialize;
use serde_json::json;

use crate::ask::begin;
use crate::grammar::MissionsArgs;

/// The sessions of one mission, counted.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Mission {
    #[expect(clippy::struct_field_names, reason = "its name in the API")]
    mission_id: String,
    sessions: u64,
    /// Those that have not ended.
    live: u64,
    waiting: u64,
    failed: u64,
    messages: u64,
    newest: DateTime<Utc>,
}

pub(super) fn run(args: &MissionsArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let missions = count(&fetch(&client, &Filter::default(), None)?.entries);
    if out.json {
        out.json(&json!(missions));
        return Ok(());
    }
    let now = clock();
    let mut table = Table::new(&[
        // A mission is named by its id: a cut one cannot be asked for.
        Column::wrapped("MISSION"),
        Column::whole("SESSIONS"),
        Column::whole("LIVE"),
        Column::whole("WAITING"),
        Column::whole("FAILED"),
        Column::whole("MSGS"),
        Column::whole("NEWEST"),
    ]);
    for mission in &missions {
        let tone = |count: u64, tone| if count > 0 { tone } else { Tone::Faint };
        table.row([
            (Tone::Strong, &mission.mission_id),
            (Tone::Plain, &mission.sessions.to_string()),
            (tone(mission.live, Tone::Busy), &mission.live.to_string()),
            (tone(mission.waiting, Tone::Attention), &mission.waiting.to_string()),
            (tone(mission.failed, Tone::Bad), &mission.failed.to_string()),
            (Tone::Plain, &mission.messages.to_string()),
            (Tone::Plain, &format!("{} ago", age(mission.newest, now))),
        ]);
    }
    out.table(&table, "no session belongs to a mission");
    Ok(())
}

fn count(entries: &[Entry]) -> Vec<Mission> {
    let mut missions: BTreeMap<&str, Mission> = BTreeMap::new();
    for entry in entries {
        let Some(id) = entry.mission_id.as_deref() else { continue };
        let mission = missions.entry(id).or_insert_with(|| Mission {
            mission_id: id.to_owned(),
            sessions: 0,
            live: 0,
            waiting: 0,
            failed: 0,
            messages: 0,
            newest: entry.spawned_at,
        });
        mission.sessions += 1;
        mission.live += u64::from(!entry.has_ended());
        mission.waiting += u64::from(entry.status == "waiting");
        mission.failed += u64::from(entry.status == "failed");
        mission.messages += entry.last_seq;
        mission.newest = mission.newest.max(entry.spawned_at);
    }
    let mut missions: Vec<Mission> = missions.into_values().collect();
    missions.sort_by(|a, b| b.newest.cmp(&a.newest).then_with(|| a.mission_id.cmp(&b.mission_id)));
    missions
}
