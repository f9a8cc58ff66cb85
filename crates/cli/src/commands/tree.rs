//! `flightdeck tree`: the fleet as it hangs together, once or live.

use chrono::{DateTime, Utc};
use flightdeck_client::{Entry, Filter, fetch};
use flightdeck_terminal::{Outcome, Paint, Tone, age, clock, cut, line, of_status, width};
use serde_json::Value;

use crate::ask::begin;
use crate::branches::in_order;
use crate::error::CommandError;
use crate::grammar::TreeArgs;
use crate::ids::{session, tail};
use crate::layout::{Layout, Line, fit, width_of};
use crate::watch;

/// How many sessions are shown when nothing is said.
const NEWEST: u32 = 200;
/// No longer name pushes the other columns to the right.
const WIDEST_NAME: usize = 64;
/// The width of `123456 msgs`.
const MESSAGES: usize = 11;

pub(super) fn run(args: &TreeArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let root = args.id.as_deref().map(|id| session(&client, id)).transpose()?;
    let live = args.live.then(|| Filter::LIVE.to_owned());
    let filter =
        Filter { root, statuses: args.status.clone().or(live), mission: args.mission.clone(), ..Filter::default() };
    if args.watch {
        if out.json {
            return Err(
                CommandError::Usage("--watch is for people; follow GET /agents/events instead".to_owned()).into()
            );
        }
        return watch::run(&client, &filter);
    }
    let fetched = fetch(&client, &filter, Some(most(args.limit)))?;
    if out.json {
        out.json(&Value::Array(fetched.raw));
        return Ok(());
    }
    if fetched.entries.is_empty() {
        out.line("no sessions");
        return Ok(());
    }
    for line in lines(&fetched.entries, clock(), out.paint, out.columns) {
        out.line(&line);
    }
    if fetched.more {
        out.line(&out.paint.paint(Tone::Faint, "… and older ones; --limit shows more"));
    }
    Ok(())
}

/// The most sessions of a list.
pub(super) fn most(limit: Option<u32>) -> usize {
    usize::try_from(limit.unwrap_or(NEWEST)).unwrap_or(usize::MAX)
}

/// One line a session. In a terminal its name gives way, so that the id at the end of the line stays whole.
fn lines(entries: &[Entry], now: DateTime<Utc>, paint: Paint, columns: Option<usize>) -> Vec<String> {
    let ordered = in_order(entries);
    let name = |before: &str, entry: &Entry| -> Line {
        vec![
            (Tone::Faint, before.to_owned()),
            (Tone::Strong, line(&entry.agent_type)),
            (Tone::Plain, format!(" {}", line(&entry.task_id))),
        ]
    };
    let names = ordered.iter().map(|(before, entry)| width_of(&name(before, entry))).max().unwrap_or(0);
    let statuses = ordered.iter().map(|(_, entry)| width(&line(&entry.shown_status()))).max().unwrap_or(0);
    let messages = |entry: &Entry| format!("{:>6} msgs", entry.last_seq);
    let layout = Layout::new(columns, names.min(WIDEST_NAME), statuses, MESSAGES);
    let mut lines = Vec::with_capacity(ordered.len());
    for (before, entry) in ordered {
        let name = name(&before, entry);
        // Without a terminal a name that is too long stays whole: nothing is aligned for anyone.
        let name = if columns.is_some() { fit(name, layout.name) } else { name };
        let status = cut(&line(&entry.shown_status()), layout.status);
        let gap = " ".repeat(layout.name.saturating_sub(width_of(&name)) + 2);
        let rest = " ".repeat(layout.status.saturating_sub(width(&status)));
        let name: String = name.iter().map(|(tone, text)| paint.paint(*tone, text)).collect();
        let status = paint.paint(of_status(&entry.status), &status);
        let age = if layout.age { format!("  {:>4}", age(entry.spawned_at, now)) } else { String::new() };
        let messages = if layout.messages { format!("  {}", messages(entry)) } else { String::new() };
        let id = paint.paint(Tone::Faint, &tail(&entry.session_id));
        lines.push(format!("{name}{gap}{status}{rest}{age}{messages}  {id}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branches::fixtures::entry;

    #[test]
    fn a_line_is_aligned_and_safe() {
        let hostile = Entry { task_id: "T\x1b[2J".to_owned(), ..entry(2, Some(1)) };
        let entries = [entry(1, None), hostile];
        let now = entries[0].spawned_at + chrono::TimeDelta::seconds(90);
        assert_eq!(
            lines(&entries, now, Paint::OFF, None),
            [
                "agent1 T-1          running    1m       7 msgs  00000001",
                "└─ agent2 T\\x1b[2J  running    1m       7 msgs  00000002",
            ]
        );
    }

    #[test]
    fn an_id_stays_whole_in_a_narrow_terminal() {
        let long = Entry { task_id: "a task with a very long name ".repeat(4), ..entry(2, Some(1)) };
        let entries = [entry(1, None), long];
        for columns in [120, 80, 60, 40, 30, 20] {
            let lines = lines(&entries, entries[1].spawned_at, Paint::OFF, Some(columns));
            for (line, id) in lines.iter().zip(["00000001", "00000002"]) {
                assert!(line.ends_with(id) && width(line) <= columns, "{columns}: {line}");
            }
        }
    }
}
