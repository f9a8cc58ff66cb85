//! `flightdeck tree`: the fleet as it hangs together, once or live.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;
use uuid::Uuid;

use super::{begin, text};
use crate::cli::Outcome;
use crate::client::{self, ClientError, Entry, Filter, fetch, flags, tail};
use crate::terminal::{Paint, Tone, age, clock, line, of_status, width};
use crate::watch;

pub(crate) fn grammar() -> Command {
    Command::new("tree")
        .about("Show sessions as a tree; with --watch live, with keys to step in")
        .arg(Arg::new("id").value_name("ID").help("only this session and those below it"))
        .arg(
            Arg::new("watch")
                .short('w')
                .long("watch")
                .help("a live view; ? in it tells the keys")
                .action(ArgAction::SetTrue),
        )
        .arg(Arg::new("mission").long("mission").value_name("MISSION").help("only sessions of this mission"))
        .arg(Arg::new("status").long("status").value_name("STATUS,…").help("only sessions in one of these statuses"))
        .arg(Arg::new("live").long("live").help("only sessions that have not ended").action(ArgAction::SetTrue))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .value_parser(clap::value_parser!(u32).range(1..))
                .help("the newest so many; 200 when missing, all with --watch"),
        )
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let root = text(given, "id").map(|id| client::session(&client, id)).transpose()?;
    let filter = Filter { root, ..filter(given) };
    if given.get_flag("watch") {
        if out.json {
            return Err(
                ClientError::Usage("--watch is for people; follow GET /agents/events instead".to_owned()).into()
            );
        }
        return watch::run(&client, &filter);
    }
    let fetched = fetch(&client, &filter, Some(limit(given)))?;
    if out.json {
        out.json(&Value::Array(fetched.raw));
        return Ok(());
    }
    if fetched.entries.is_empty() {
        out.line("no sessions");
        return Ok(());
    }
    for line in lines(&fetched.entries, clock(), out.paint) {
        out.line(&line);
    }
    if fetched.more {
        out.line(&out.paint.paint(Tone::Faint, "… and older ones; --limit shows more"));
    }
    Ok(())
}

/// What the flags that narrow a list say.
pub(super) fn filter(given: &ArgMatches) -> Filter {
    let live = given.get_flag("live").then(|| Filter::LIVE.to_owned());
    Filter {
        statuses: text(given, "status").map(ToOwned::to_owned).or(live),
        mission: text(given, "mission").map(ToOwned::to_owned),
        ..Filter::default()
    }
}

pub(super) fn limit(given: &ArgMatches) -> usize {
    given.get_one::<u32>("limit").map_or(200, |limit| usize::try_from(*limit).unwrap_or(usize::MAX))
}

/// Sessions in the order of the tree, each with the branches drawn before it: parents first, siblings as they were
/// spawned. Whoever's parent is not among them is at the top.
pub(crate) fn in_order(entries: &[Entry]) -> Vec<(String, &Entry)> {
    let known: HashSet<Uuid> = entries.iter().map(|entry| entry.session_id).collect();
    let mut below: HashMap<Option<Uuid>, Vec<&Entry>> = HashMap::new();
    for entry in entries {
        let parent = entry.parent_session_id.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(entry);
    }
    for siblings in below.values_mut() {
        siblings.sort_by_key(|entry| (entry.spawned_at, entry.session_id));
    }
    let mut ordered = Vec::with_capacity(entries.len());
    // Not by recursion: a tree may be deep.
    let mut open: Vec<(String, String, &Entry)> = below
        .remove(&None)
        .unwrap_or_default()
        .into_iter()
        .rev()
        .map(|top| (String::new(), String::new(), top))
        .collect();
    while let Some((before, indent, entry)) = open.pop() {
        let children = below.remove(&Some(entry.session_id)).unwrap_or_default();
        let last = children.len();
        for (index, child) in children.into_iter().enumerate().rev() {
            let (branch, rest) = if index + 1 == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push((format!("{indent}{branch}"), format!("{indent}{rest}"), child));
        }
        ordered.push((before, entry));
    }
    ordered
}

fn lines(entries: &[Entry], now: DateTime<Utc>, paint: Paint) -> Vec<String> {
    let ordered = in_order(entries);
    let name = |before: &str, entry: &Entry| format!("{before}{} {}", line(&entry.agent_type), line(&entry.task_id));
    let names = ordered.iter().map(|(before, entry)| width(&name(before, entry))).max().unwrap_or(0).min(64);
    let statuses = ordered.iter().map(|(_, entry)| entry.shown_status().len()).max().unwrap_or(0);
    let mut lines = Vec::with_capacity(ordered.len());
    for (before, entry) in ordered {
        let status = entry.shown_status();
        let gap = names.saturating_sub(width(&name(&before, entry))) + 2;
        lines.push(format!(
            "{}{} {}{}{}{}  {:>4}  {:>6} msgs  {}",
            paint.paint(Tone::Faint, &before),
            paint.paint(Tone::Strong, &line(&entry.agent_type)),
            line(&entry.task_id),
            " ".repeat(gap),
            paint.paint(of_status(&entry.status), &line(&status)),
            " ".repeat(statuses.saturating_sub(status.len())),
            age(entry.spawned_at, now),
            entry.last_seq,
            paint.paint(Tone::Faint, &tail(&entry.session_id)),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u128, parent: Option<u128>) -> Entry {
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        Entry {
            session_id: Uuid::from_u128(n),
            parent_session_id: parent.map(Uuid::from_u128),
            status: "running".to_owned(),
            desired_status: "running".to_owned(),
            agent_type: format!("agent{n}"),
            provider: "internal".to_owned(),
            mission_id: None,
            task_id: "T-1".to_owned(),
            last_seq: 7,
            spawned_at: at + chrono::TimeDelta::seconds(i64::try_from(n).expect("small")),
            completed_at: None,
        }
    }

    #[test]
    fn branches_show_who_is_below_whom() {
        let entries = [entry(5, Some(99)), entry(4, Some(1)), entry(3, Some(2)), entry(2, Some(1)), entry(1, None)];
        let shown: Vec<String> =
            in_order(&entries).iter().map(|(before, entry)| format!("{before}{}", entry.agent_type)).collect();
        assert_eq!(shown, ["agent1", "├─ agent2", "│  └─ agent3", "└─ agent4", "agent5"]);
    }

    #[test]
    fn a_deep_chain_is_drawn() {
        let entries: Vec<Entry> = (1..=5_000).map(|n| entry(n, (n > 1).then(|| n - 1))).collect();
        assert_eq!(in_order(&entries).len(), 5_000);
    }

    #[test]
    fn a_line_is_aligned_and_safe() {
        let hostile = Entry { task_id: "T\x1b[2J".to_owned(), ..entry(2, Some(1)) };
        let entries = [entry(1, None), hostile];
        let now = entries[0].spawned_at + chrono::TimeDelta::seconds(90);
        assert_eq!(
            lines(&entries, now, Paint::OFF),
            [
                "agent1 T-1          running    1m       7 msgs  00000001",
                "└─ agent2 T\\x1b[2J  running    1m       7 msgs  00000002",
            ]
        );
    }
}
