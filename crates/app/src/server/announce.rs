//! What a server says at its start.

use std::fmt::Display;

use flightdeck_terminal::put;

/// Prints it. The server runs whether or not that can be written.
pub(super) fn announce(text: impl Display) {
    if let Err(error) = put(&text) {
        tracing::warn!(%error, "what the server says at its start could not be written to the standard output");
    }
}
