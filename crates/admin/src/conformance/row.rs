//! What a check saw, and how it is printed: a line at a time, as it is known.

use std::fmt;
use std::time::Duration;

use flightdeck_terminal::{BoxError, say};
use serde::Serialize;

use super::kit::{Kit, Looked};

/// No note is longer, in characters.
const LONGEST_NOTE: usize = 200;

/// What a check saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It works.
    Yes,
    /// The agent does not have it.
    No,
    /// It does not work.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Failed => "FAILED",
        })
    }
}

/// The outcome of a check with a word about it, or why nothing was seen.
pub(super) type Seen = Looked<(Outcome, String)>;

#[expect(clippy::unnecessary_wraps, reason = "what a check ends with")]
pub(super) fn yes(note: impl Into<String>) -> Seen {
    Ok((Outcome::Yes, note.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "what a check ends with")]
pub(super) fn no(note: impl Into<String>) -> Seen {
    Ok((Outcome::No, note.into()))
}

/// A line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    check: &'static str,
    seen: Outcome,
    millis: u64,
    note: String,
}

impl Row {
    fn new(check: &'static str, seen: Seen, took: Duration) -> Self {
        let (seen, note) = seen.unwrap_or_else(|problem| (Outcome::Failed, problem));
        let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NOTE).collect();
        Self { check, seen, millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX), note }
    }

    /// As Markdown has it, so that it can stand in a document as it is.
    fn in_markdown(&self) -> String {
        let Self { check, seen, millis, note } = self;
        let took = Duration::from_millis(*millis).as_secs_f64();
        format!("| {check} | {seen} | {took:.1} s | {} |", note.replace('|', "/"))
    }
}

/// Prints the rows, and counts them.
pub(super) struct Report {
    in_json: bool,
    pub(super) all: usize,
    pub(super) failed: usize,
}

impl Report {
    pub(super) const fn new(in_json: bool) -> Self {
        Self { in_json, all: 0, failed: 0 }
    }

    /// Prints a row. The first one of a table comes with its head, which names the agent: it is known by then.
    pub(super) async fn tell(
        &mut self,
        kit: &Kit,
        check: &'static str,
        seen: Seen,
        took: Duration,
    ) -> Result<(), BoxError> {
        let row = Row::new(check, seen, took);
        if self.in_json {
            say(serde_json::to_string(&row)?);
        } else {
            if self.all == 0 {
                say(format_args!("{}, Flightdeck {}\n", kit.agent().await, env!("CARGO_PKG_VERSION")));
                say("| check | seen | took | note |\n| --- | --- | --- | --- |");
            }
            say(row.in_markdown());
        }
        self.all += 1;
        self.failed += usize::from(row.seen == Outcome::Failed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_cannot_break_the_table() {
        let row = Row::new("prompt", yes(format!("a|b\nc{}", "x".repeat(300))), Duration::from_millis(1_250));
        let line = row.in_markdown();
        assert!(line.starts_with("| prompt | yes | 1.2 s | a/b cxxx"), "{line}");
        assert_eq!(line.lines().count(), 1);
        assert_eq!(row.note.chars().count(), LONGEST_NOTE);
    }

    #[test]
    fn what_was_not_seen_has_failed() {
        let row = Row::new("cancel", Err("nothing".to_owned()), Duration::ZERO);
        assert_eq!((row.seen, row.note.as_str()), (Outcome::Failed, "nothing"));
    }
}
