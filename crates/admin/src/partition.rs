//! `flightdeck partition-messages`: puts the messages of a PostgreSQL into parts while servers work on it.

use std::time::{Duration, Instant};

use flightdeck_settings::{DatabaseUrl, StorageSettings};
use flightdeck_storage::{StorageError, postgres_options};
use flightdeck_store_postgres::{MessageLayout, MessageParts, MoveProgress, MoveStep, MoveWaits};
use flightdeck_terminal::{Outcome, json_pretty, say};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::grammar::PartitionArgs;

/// There is nothing to put into parts.
#[derive(Debug, thiserror::Error)]
#[error("database_url is no PostgreSQL: only there can messages be put into parts")]
pub(crate) struct NoServer;

/// How often a person hears how far it is.
const TELL: Duration = Duration::from_secs(5);
/// How long somebody else is let go on who holds the move up.
const AGAIN: Duration = Duration::from_millis(500);

/// Does what was typed.
///
/// # Errors
/// The database cannot be used, or the move cannot go on.
pub async fn run(args: &PartitionArgs) -> Outcome {
    let settings = StorageSettings::load(&args.flags)?;
    let DatabaseUrl::Postgres(url) = &settings.database else { return Err(NoServer.into()) };
    let parts = MessageParts::open(url, &postgres_options(&settings), Handle::current()).await;
    let parts =
        parts.map_err(|source| StorageError::Postgres { url: settings.database.clone(), source: Box::new(source) })?;
    if args.undo {
        parts.undo().await?;
    } else if args.drop_old {
        parts.drop_old().await?;
    } else if !args.status {
        go_on(&parts, args.json).await?;
    }
    let layout = parts.layout().await?;
    say(if args.json { json_pretty(&in_json(&layout)) } else { told(&layout) });
    Ok(())
}

/// Works step by step to the end. Half of the time is left to those who use the database.
async fn go_on(parts: &MessageParts, quiet: bool) -> Outcome {
    let mut last = Instant::now();
    loop {
        let began = Instant::now();
        let step = parts.step().await?;
        if !quiet && last.elapsed() >= TELL {
            last = Instant::now();
            say(match step {
                MoveStep::Waits(waits) => waiting(waits),
                _ => told(&parts.layout().await?),
            });
        }
        match step {
            MoveStep::Done => return Ok(()),
            MoveStep::Worked => tokio::time::sleep(began.elapsed()).await,
            MoveStep::Waits(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

fn waiting(waits: MoveWaits) -> String {
    match waits {
        MoveWaits::Lock => "waits for a long transaction that uses the messages".to_owned(),
        MoveWaits::Transactions(count) => {
            format!("waits for {count} transactions that began before the copy was complete")
        }
    }
}

pub(crate) fn told(layout: &MessageLayout) -> String {
    match layout {
        MessageLayout::Whole { estimate } => format!("one table, with about {estimate} messages"),
        MessageLayout::Moving(MoveProgress { phase, done, estimate }) => {
            format!("on their way into parts: {}, {done} of about {estimate} messages", phase.as_str())
        }
        MessageLayout::Parts { old: false } => "in parts".to_owned(),
        MessageLayout::Parts { old: true } => {
            "in parts; the old table is still there, until `flightdeck partition-messages --drop-old`".to_owned()
        }
    }
}

fn in_json(layout: &MessageLayout) -> Value {
    match layout {
        MessageLayout::Whole { estimate } => json!({"layout": "whole", "estimate": estimate}),
        MessageLayout::Moving(MoveProgress { phase, done, estimate }) => {
            json!({"layout": "moving", "phase": phase.as_str(), "done": done, "estimate": estimate})
        }
        MessageLayout::Parts { old } => json!({"layout": "parts", "old": old}),
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_store_postgres::MovePhase;

    use super::*;

    #[test]
    fn each_layout_is_told_to_people_and_to_programs() {
        let moving = MessageLayout::Moving(MoveProgress { phase: MovePhase::Copy, done: 2_000, estimate: 9_000 });
        assert_eq!(told(&moving), "on their way into parts: copy, 2000 of about 9000 messages");
        assert_eq!(in_json(&moving), json!({"layout": "moving", "phase": "copy", "done": 2000, "estimate": 9000}));
        assert!(told(&MessageLayout::Parts { old: true }).contains("--drop-old"));
        assert_eq!(in_json(&MessageLayout::Whole { estimate: 7 }), json!({"layout": "whole", "estimate": 7}));
    }
}
