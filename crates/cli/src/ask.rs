//! How every command begins, and how it asks before it does harm.

use std::io::{BufRead, Write};

use flightdeck_client::{Client, ClientError};
use flightdeck_terminal::{Out, is_person, note};

use crate::error::CommandError;
use crate::grammar::Asking;

/// The server, and where answers go.
pub(crate) fn begin(asking: &Asking) -> Result<(Client, Out), ClientError> {
    // With --json the standard error has nothing but errors, as JSON.
    let told: fn(&str) = if asking.json { |_: &str| {} } else { note };
    Ok((asking.server.connect()?.waiting(told), Out::new(asking.json)))
}

/// Asks a person; where there is none, `--yes` has to say it.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !is_person() {
        return Err(CommandError::Usage("nobody is there to be asked; say --yes".to_owned()));
    }
    let mut err = std::io::stderr().lock();
    let asked = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if asked.is_ok() && read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(CommandError::NotDone("nothing was done".to_owned()))
}

/// What to say: the argument, or standard input.
pub(crate) fn said(given: &str) -> Result<String, CommandError> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    std::io::read_to_string(std::io::stdin().lock())
        .map_err(|error| CommandError::Usage(format!("standard input is no text: {error}")))
}
