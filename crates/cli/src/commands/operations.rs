//! `flightdeck operations`: what was asked of agents, and what became of it.

use chrono::{DateTime, Utc};
use flightdeck_client::replies::{Operation, Operations, Told};
use flightdeck_client::{Client, encode};
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, age, clock, local};
use uuid::Uuid;

use super::facts;
use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::{OperationsArgs, OperationsCommand, OperationsListArgs};
use crate::ids::{tail_of, unique};
use crate::operator::operator;

/// Among how many of the newest a part of an id is looked for.
const RECENT: usize = 5_000;

pub(super) fn run(args: &OperationsArgs) -> Outcome {
    match &args.command {
        None => list(&args.list),
        Some(OperationsCommand::List(args)) => list(args),
        Some(OperationsCommand::Show { id, asking }) => {
            let (client, out) = begin(asking)?;
            let id = find(&client, id)?;
            let reply = client.get(&format!("/operations/{id}?limit=1000"))?;
            if out.json {
                out.json(&reply.body);
            } else {
                tell(out, &reply.read()?);
            }
            Ok(())
        }
    }
}

/// Reads operations, newest first, page by page up to so many.
fn read(client: &Client, open_only: bool, most: usize) -> Result<Vec<Told<Operation>>, CommandError> {
    let open = if open_only { "&open=true" } else { "" };
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let limit = most.min(1_000);
        let page: Operations = client.get(&format!("/operations?limit={limit}{open}{after}"))?.read()?;
        all.extend(page.operations);
        match page.next_after {
            Some(next) if all.len() < most => after = format!("&after={}", encode(&next)),
            _ => {
                all.truncate(most);
                return Ok(all);
            }
        }
    }
}

fn list(args: &OperationsListArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let operations = read(&client, args.open, usize::try_from(args.limit).unwrap_or(usize::MAX))?;
    if out.json {
        out.json(&operations.into_iter().map(|operation| operation.raw).collect());
        return Ok(());
    }
    let none = if args.open { "no operation is open" } else { "nothing was asked of any agent" };
    out.table(&table(&operations, clock()), none);
    Ok(())
}

fn table(operations: &[Told<Operation>], now: DateTime<Utc>) -> Table {
    let mut table = Table::new(&[
        Column::whole("ID"),
        Column::cut("ACTION"),
        Column::whole("STATE"),
        Column::whole("AGE"),
        Column::whole("SEEN"),
        Column::wrapped("TARGET"),
        Column::wrapped("OPERATOR"),
        Column::wrapped("REASON"),
    ]);
    for Told { read: operation, .. } in operations {
        let state = match operation.state.as_str() {
            "open" => Tone::Attention,
            "done" => Tone::Good,
            _ => Tone::Faint,
        };
        table.row([
            (Tone::Faint, &tail_of(&operation.operation_id)),
            (Tone::Strong, &operation.action),
            (state, &operation.state),
            (Tone::Plain, &operation.requested_at.map(|at| age(at, now)).unwrap_or_default()),
            (Tone::Plain, &format!("{}/{}", operation.observed, operation.total)),
            (Tone::Plain, &target(operation)),
            (Tone::Plain, &operator(&operation.operator, operation.operator_name.as_deref())),
            (Tone::Plain, operation.reason.as_deref().unwrap_or_default()),
        ]);
    }
    table
}

/// What it was aimed at, in short.
fn target(operation: &Operation) -> String {
    match (operation.scope.as_str(), &operation.agent_id, &operation.mission_id) {
        ("self", Some(agent), _) => format!("agent {}", tail_of(agent)),
        (scope, Some(agent), _) => format!("{scope} {}", tail_of(agent)),
        (scope, None, Some(mission)) => format!("{scope} {mission}"),
        (scope, None, None) => scope.to_owned(),
    }
}

/// The operation that is meant: a whole id is taken as it is.
fn find(client: &Client, given: &str) -> Result<String, CommandError> {
    if let Ok(id) = Uuid::try_parse(given) {
        return Ok(id.to_string());
    }
    let all = read(client, false, RECENT)?;
    let ids = all.iter().filter_map(|Told { read: operation, .. }| {
        let id = Uuid::try_parse(&operation.operation_id).ok()?;
        Some((id, format!("{} ({} {})", tail_of(&operation.operation_id), operation.action, target(operation))))
    });
    unique("operation", given, ids)
}

fn tell(out: Out, operation: &Operation) {
    let now = clock();
    let time = |at: Option<DateTime<Utc>>| at.map(|at| format!("{}   {} ago", local(at), age(at, now)));
    let Operation { total, open, observed, ended, refused, superseded, .. } = operation;
    let counts = [
        (observed, "as wished"),
        (ended, "ended in another way"),
        (refused, "refused"),
        (superseded, "overtaken by a newer wish"),
        (open, "not seen yet"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| **count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let facts = [
        ("operation", Some(operation.operation_id.clone())),
        ("action", Some(operation.action.clone())),
        ("target", Some(target(operation))),
        ("operator", Some(operator(&operation.operator, operation.operator_name.as_deref()))),
        ("reason", operation.reason.clone()),
        ("state", Some(operation.state.clone())),
        ("agents", Some(format!("{total}   ({})", counts.join(", ")))),
        ("requested", time(operation.requested_at)),
        ("completed", time(operation.completed_at)),
    ];
    facts::tell(out, 13, facts);
    let mut table = Table::new(&[
        Column::whole("AGENT"),
        Column::whole("OUTCOME"),
        Column::whole("ACKNOWLEDGED"),
        Column::whole("OBSERVED"),
        Column::wrapped("DETAIL"),
    ]);
    let clock = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".to_owned(), |at| at.format("%H:%M:%SZ").to_string());
    for target in &operation.targets {
        let tone = match target.outcome.as_deref() {
            Some("observed") => Tone::Good,
            Some("refused") => Tone::Bad,
            Some(_) => Tone::Faint,
            None => Tone::Attention,
        };
        table.row([
            (Tone::Faint, &tail_of(&target.agent_id)),
            (tone, target.outcome.as_deref().unwrap_or("not seen yet")),
            (Tone::Plain, &clock(target.acknowledged_at)),
            (Tone::Plain, &clock(target.observed_at)),
            (Tone::Plain, target.detail.as_deref().unwrap_or_default()),
        ]);
    }
    if !table.is_empty() {
        out.line("");
        out.table(&table, "");
    }
    let shown = u64::try_from(operation.targets.len()).unwrap_or(u64::MAX);
    if *total > shown {
        out.line(&format!("… and {} more agents", total - shown));
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use flightdeck_terminal::Paint;
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_operation_is_as_old_as_its_request() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        let operation = Operation {
            operation_id: "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11".to_owned(),
            action: "kill".to_owned(),
            scope: "subtree".to_owned(),
            agent_id: Some("0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b22".to_owned()),
            operator: "0123456789ab".to_owned(),
            operator_name: Some("ada".to_owned()),
            state: "done".to_owned(),
            total: 2,
            observed: 2,
            requested_at: Some(now - TimeDelta::minutes(7)),
            completed_at: Some(now - TimeDelta::seconds(3)),
            ..Operation::default()
        };
        let table = table(&[Told { raw: Value::Null, read: operation }], now);
        assert_eq!(
            table.lines(Paint::OFF, None),
            [
                "ID        ACTION  STATE  AGE  SEEN  TARGET            OPERATOR            REASON",
                "0c0e8b11  kill    done   7m   2/2   subtree 0c0e8b22  ada (0123456789ab)",
            ]
        );
    }

    #[test]
    fn a_target_is_named_by_its_scope() {
        let of = |scope: &str, agent: Option<&str>, mission: Option<&str>| {
            target(&Operation {
                scope: scope.to_owned(),
                agent_id: agent.map(ToOwned::to_owned),
                mission_id: mission.map(ToOwned::to_owned),
                ..Operation::default()
            })
        };
        assert_eq!(of("self", Some("12345678"), None), "agent 12345678");
        assert_eq!(of("mission", None, Some("ledger")), "mission ledger");
        assert_eq!(of("fleet", None, None), "fleet");
    }
}
