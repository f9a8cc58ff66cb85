//! `flightdeck providers`: what runs the sessions that there are, and what can be asked of them.

use std::collections::BTreeMap;

use flightdeck_client::replies::Session;
use flightdeck_client::{Entry, Filter, fetch};
use flightdeck_terminal::{Column, Outcome, Table, Tone, note};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ask::begin;
use crate::grammar::ProvidersArgs;

/// What the sessions of a provider show of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    name: String,
    sessions: u64,
    /// Those that have not ended.
    live: u64,
    /// What the newest of its sessions takes from an operator.
    capabilities: Map<String, Value>,
    #[serde(skip)]
    newest: Uuid,
}

pub(super) fn run(args: &ProvidersArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let mut providers = count(&fetch(&client, &Filter::default(), None)?.entries);
    for provider in &mut providers {
        let session: Session = client.get(&format!("/agents/{}/status", provider.newest))?.read()?;
        provider.capabilities = session.capabilities;
    }
    if out.json {
        out.json(&json!(providers));
        return Ok(());
    }
    let mut table = Table::new(&[
        Column::wrapped("PROVIDER"),
        Column::whole("SESSIONS"),
        Column::whole("LIVE"),
        Column::wrapped("CAN"),
    ]);
    for provider in &providers {
        table.row([
            (Tone::Strong, &provider.name),
            (Tone::Plain, &provider.sessions.to_string()),
            (if provider.live > 0 { Tone::Busy } else { Tone::Faint }, &provider.live.to_string()),
            (Tone::Plain, &abilities(&provider.capabilities)),
        ]);
    }
    out.table(&table, "no session has run yet");
    note("as their sessions show it; a provider that has no session is not listed");
    Ok(())
}

/// The providers by name.
fn count(newest_first: &[Entry]) -> Vec<Provider> {
    let mut providers: BTreeMap<&str, Provider> = BTreeMap::new();
    for entry in newest_first {
        let provider = providers.entry(&entry.provider).or_insert_with(|| Provider {
            name: entry.provider.clone(),
            sessions: 0,
            live: 0,
            capabilities: Map::new(),
            newest: entry.session_id,
        });
        provider.sessions += 1;
        provider.live += u64::from(!entry.has_ended());
    }
    providers.into_values().collect()
}

/// What can be asked of it, in words: `pause, steer`.
pub(super) fn abilities(capabilities: &Map<String, Value>) -> String {
    let able = capabilities.iter().filter(|(_, value)| **value == Value::Bool(true));
    let words: Vec<String> =
        able.map(|(name, _)| name.strip_prefix("can").unwrap_or(name).to_ascii_lowercase()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branches::fixtures::entry;

    #[test]
    fn sessions_are_counted_by_what_runs_them() {
        let of = |n, provider: &str, status: &str| Entry {
            provider: provider.to_owned(),
            status: status.to_owned(),
            ..entry(n, None)
        };
        let entries = [of(3, "scripted", "failed"), of(2, "internal", "running"), of(1, "scripted", "idle")];
        let seen: Vec<_> = count(&entries)
            .into_iter()
            .map(|provider| (provider.name, provider.sessions, provider.live, provider.newest))
            .collect();
        let id = Uuid::from_u128;
        assert_eq!(seen, [("internal".to_owned(), 1, 1, id(2)), ("scripted".to_owned(), 2, 1, id(3))]);
    }

    #[test]
    fn only_what_it_can_is_listed() {
        let capabilities = json!({"canApprove": true, "canPause": true, "canSteer": false, "note": "x"});
        assert_eq!(abilities(capabilities.as_object().expect("an object")), "approve, pause");
    }
}
