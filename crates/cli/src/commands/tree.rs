//! `flightdeck tree`: the fleet as it hangs together, once or live.

use chrono::{DateTime, Utc};
use flightdeck_client::{Entry, Filter, fetch};
use flightdeck_terminal::{Outcome, Paint, Tone, age, clock, line, of_status, width};
use serde_json::Value;

use crate::ask::begin;
use crate::branches::in_order;
use crate::error::CommandError;
use crate::grammar::TreeArgs;
use crate::ids::{session, tail};
use crate::watch;

/// How many sessions are shown when nothing is said.
const NEWEST: u32 = 200;

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
    for line in lines(&fetched.entries, clock(), out.paint) {
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
    use crate::branches::fixtures::entry;

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
