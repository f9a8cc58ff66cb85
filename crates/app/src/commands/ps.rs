//! `flightdeck ps`: sessions in a list.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use super::{begin, text, tree};
use crate::cli::Outcome;
use crate::client::{Filter, fetch, flags, tail};
use crate::terminal::{Table, Tone, age, clock, of_status};

pub(crate) fn grammar() -> Command {
    Command::new("ps")
        .about("List sessions that have not ended, newest first")
        .arg(Arg::new("all").short('a').long("all").help("those that have ended too").action(ArgAction::SetTrue))
        .arg(Arg::new("status").long("status").value_name("STATUS,…").help("only sessions in one of these statuses"))
        .arg(Arg::new("mission").long("mission").value_name("MISSION").help("only sessions of this mission"))
        .arg(Arg::new("type").long("type").value_name("TYPE").help("only agents of this type"))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(clap::value_parser!(u32).range(1..))
                .help("the newest so many; 200 when missing"),
        )
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let live = (!given.get_flag("all")).then(|| Filter::LIVE.to_owned());
    let filter = Filter {
        statuses: text(given, "status").map(ToOwned::to_owned).or(live),
        mission: text(given, "mission").map(ToOwned::to_owned),
        agent_type: text(given, "type").map(ToOwned::to_owned),
        root: None,
    };
    let fetched = fetch(&client, &filter, Some(tree::limit(given)))?;
    if out.json {
        out.json(&Value::Array(fetched.raw));
        return Ok(());
    }
    let now = clock();
    let mut table = Table::new(&["ID", "STATUS", "AGE", "MSGS", "TYPE", "TASK", "MISSION"]);
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
