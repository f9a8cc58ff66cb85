//! What comes of a command, told to whoever runs it.

use std::error::Error;

use crate::exit::Exit;
use crate::output::{note, put};
use crate::safe::text;

/// Why a command failed.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What comes of a command.
pub type Outcome = Result<(), BoxError>;

/// Prints for whoever runs the command. A reader that is gone (`| head`) changes nothing: the command does its work. A text
/// that cannot be written for another reason ends the process with a failure, for what it says may be said only once.
pub fn say(text: impl std::fmt::Display) {
    if let Err(error) = put(&text)
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        note(&format!("flightdeck: cannot write to the standard output: {error}"));
        Exit::Failed.end();
    }
}

/// Tells what went wrong, with all its causes, on one line each.
pub fn tell(error: &(dyn Error + 'static)) {
    warn(&error.to_string());
    let mut cause = error.source();
    while let Some(next) = cause {
        note(&format!("  because: {}", text(&next.to_string())));
        cause = next.source();
    }
}

/// Tells something beside the answer. The text may hold anything; it is made safe here.
pub fn warn(words: &str) {
    note(&format!("flightdeck: {}", text(words)));
}
