//! What operators want of sessions.

use flightdeck_domain::command::Command;
use flightdeck_domain::text::Reason;

use crate::statement::{Bind, Prepared};
use crate::values::Key;

/// Writes what can change of a command: its receipt.
#[must_use]
pub fn save(command: &Command) -> Prepared<Bind<'_>, 5> {
    Prepared::new(
        "UPDATE commands SET receipt = ?, receipt_reason = ?, updated_at = ? WHERE session_id = ? AND seq = ?",
        [
            Bind::Text(command.receipt.as_str()),
            Bind::MaybeText(command.receipt.reason().map(Reason::as_str)),
            Bind::Integer(command.updated_at.as_micros()),
            Bind::Id(command.session_id.key()),
            Bind::Integer(command.seq.to_i64()),
        ],
    )
}
