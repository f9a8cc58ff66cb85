//! Sinks: what must reach a person or a system outside.
//!
//! A sink follows a log: the fleet feed, with a [filter](SinkFilter), or the audit log. It has a [form](SinkForm), which
//! says how its messages go out, and a [`SinkProgress`]: its durable cursor, what it waits for, and which replica sends. The
//! cursor moves when a message is accepted by the receiver, or when the message becomes a [`DeadLetter`] after too many
//! tries. So each message is sent at least once, and in the order of the log.

mod change;
mod filter;
#[cfg(test)]
pub(crate) mod fixtures;
mod form;
mod held;
mod lease;
mod notice;
mod progress;
mod push;
mod record;
mod settling;
mod text;

pub use change::{LettersChange, SinkChange, SinkDecision, SinkDraft, SinkEffect, SinkRefused, SinkResealing};
pub use filter::SinkFilter;
pub use form::{SinkForm, SinkSource, UnknownSinkForm};
pub use held::{HELD_BACK, opened_approval, reminder_of};
pub use lease::{LEASE, SinkLease, Taking};
pub use notice::{InvalidPublicUrl, Link, Notice, NoticeFacts, PublicUrl, Urgency};
pub use progress::{DeadLetter, Gap, GapCause, Reminder, SinkProgress, Trouble};
pub use push::PushSubscription;
pub use record::Sink;
pub use settling::{Failure, Letter, LetterEffect, Settled, Settling, Step, pause};
pub use text::SinkName;
