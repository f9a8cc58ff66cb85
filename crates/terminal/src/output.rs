//! Where it goes: answers to standard output, everything about them to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::Value;

use crate::columns::columns;
use crate::exit::Exit;
use crate::paint::Paint;
use crate::safe::{json_line, json_pretty};
use crate::table::Table;

/// What a command prints: for people, or as JSON for programs.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// Whether programs read it.
    pub json: bool,
    /// Whether it is painted.
    pub paint: Paint,
    /// How many columns there are for it; `None` where nothing limits them.
    pub columns: Option<usize>,
}

impl Out {
    /// JSON on request; otherwise text, painted where a person looks.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json, paint: if json { Paint::OFF } else { Paint::of_stdout() }, columns: columns() }
    }

    /// One line. A reader that is gone (`| head`) is no error of ours: the command ends. Anything else is one.
    pub fn line(self, text: &str) {
        match put(&text) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done.end(),
            Err(error) => {
                note(&format!("flightdeck: cannot write to the standard output: {error}"));
                Exit::Failed.end();
            }
        }
    }

    /// One answer as JSON over several lines.
    pub fn json(self, value: &Value) {
        self.line(&json_pretty(value));
    }

    /// One of many answers as a line of JSON.
    pub fn json_line(self, value: &impl Serialize) {
        self.line(&json_line(value));
    }

    /// A table, or a word instead of an empty one.
    pub fn table(self, table: &Table, nothing: &str) {
        if table.is_empty() {
            self.line(nothing);
        } else {
            table.lines(self.paint, self.columns).iter().for_each(|line| self.line(line));
        }
    }
}

/// Writes a line to the standard output, at once.
pub fn put(text: &impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

/// Whether a person is there to be asked and to watch.
#[must_use]
pub fn is_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A word about the answer. It must be safe already.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Shows how far something has come, in place; an empty text takes it away. Only to a person.
pub fn progress(text: &str) {
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        // Back to the margin, text, clear to the end of the line.
        let _ = write!(err, "\r{text}\x1b[K").and_then(|()| err.flush());
    }
}
