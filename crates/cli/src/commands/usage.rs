//! `flightdeck usage`: what agents used.

use flightdeck_client::encode;
use flightdeck_client::replies::{BrokenDown, UsageLine};
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone};

use super::account::{Account, cost, count, tell_fleet};
use crate::ask::begin;
use crate::grammar::{UsageArgs, UsageBy};
use crate::ids::tail_of;

pub(super) fn run(args: &UsageArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let account = Account::named(&client, args.id.as_deref(), args.mission.as_deref())?;
    let path = account.as_ref().map_or_else(|| "/fleet/usage".to_owned(), Account::path);
    let reply = client.get(&format!("{path}{}", query(args)))?;
    match account {
        _ if out.json => out.json(&reply.body),
        _ if !args.by.is_empty() => tell_lines(out, &args.by, &reply.read()?),
        Some(account) => account.read(&reply)?.tell(out),
        None => tell_fleet(out, &reply.read()?),
    }
    Ok(())
}

fn query(args: &UsageArgs) -> String {
    if args.by.is_empty() {
        return String::new();
    }
    let by: Vec<&str> = args.by.iter().map(|by| by.as_str()).collect();
    let days = [("from", &args.from), ("to", &args.to)].into_iter();
    let days = days.filter_map(|(name, day)| Some(format!("&{name}={}", encode(day.as_deref()?))));
    std::iter::once(format!("?by={}", by.join(","))).chain(days).collect()
}

/// One line for each sum, with the columns that were asked for, in the order of the server.
fn tell_lines(out: Out, by: &[UsageBy], found: &BrokenDown) {
    let found = &found.breakdown;
    let columns = [UsageBy::Day, UsageBy::Model, UsageBy::Mission, UsageBy::Agent];
    let asked: Vec<UsageBy> = columns.into_iter().filter(|column| by.contains(column)).collect();
    let headings = asked.iter().map(|column| match column {
        UsageBy::Day => Column::whole("DAY"),
        UsageBy::Model => Column::wrapped("MODEL"),
        UsageBy::Mission => Column::wrapped("MISSION"),
        UsageBy::Agent => Column::whole("AGENT"),
    });
    let numbers = ["INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "COST"].map(Column::whole);
    let mut table = Table::new(&headings.chain(numbers).collect::<Vec<_>>());
    for line in &found.lines {
        let used = &line.totals;
        let numbers =
            [used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens].map(count);
        let names = asked.iter().map(|column| name(*column, line));
        let cells: Vec<String> = names.chain(numbers).chain([cost(used)]).collect();
        table.cells(cells.iter().map(|cell| (Tone::Plain, cell.as_str())));
    }
    out.table(&table, &format!("nothing was reported from {} to {}", found.from, found.to));
    if found.truncated {
        out.line("there is more: ask for fewer days, or by fewer things");
    }
}

fn name(column: UsageBy, line: &UsageLine) -> String {
    let or = |name: &Option<String>, none: &str| name.clone().unwrap_or_else(|| none.to_owned());
    match column {
        UsageBy::Day => or(&line.day, "-"),
        UsageBy::Model => or(&line.model, "(not named)"),
        UsageBy::Mission => or(&line.mission_id, "(none)"),
        UsageBy::Agent => line.agent_id.as_deref().map(tail_of).unwrap_or_default(),
    }
}
