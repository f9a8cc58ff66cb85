//! How far a sink is.

use serde::{Deserialize, Serialize};

use super::{SinkLease, SinkName};
use crate::epoch::Epoch;
use crate::feed::FleetEventKind;
use crate::ids::{ApprovalId, SessionId};
use crate::time::Timestamp;

/// How far a sink is. Only the scripts of delivery and [`SinkChange`](super::SinkChange) change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinkProgress {
    /// The place in the log up to which everything is sent, is not wanted, or is a dead letter.
    pub cursor: u64,
    /// The history that the cursor belongs to; `None` before the first message.
    pub epoch: Option<Epoch>,
    /// Failed tries of the message that is next.
    pub tries: u32,
    /// Failed tries since the last success, of whichever message. The pauses grow with it.
    pub failures: u32,
    /// Nothing is tried before; `None` for at once.
    pub next_try: Option<Timestamp>,
    /// The last failure.
    pub last_error: Option<Trouble>,
    /// When a message was accepted last.
    pub last_success: Option<Timestamp>,
    /// The last place from which the log did not go on where the cursor stood.
    pub gap: Option<Gap>,
    /// Permission requests whose deadline comes closer.
    pub reminders: Vec<Reminder>,
    /// Whether dead letters wait to be sent again.
    pub again: bool,
    /// Which replica sends.
    pub lease: SinkLease,
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trouble {
    /// What happened, without any credential.
    pub what: String,
    /// When.
    pub at: Timestamp,
}

impl Trouble {
    /// The longest text, in characters; the rest is cut.
    pub const LIMIT: usize = 500;

    /// A trouble with a text of at most [`Trouble::LIMIT`] characters on one line.
    #[must_use]
    pub fn new(what: &str, at: Timestamp) -> Self {
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        Self { what: what.chars().take(Self::LIMIT).map(plain).collect(), at }
    }
}

/// Why the log did not go on where the cursor stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// The deployment was restored to an earlier moment: places may have other events now than those that were sent.
    Restored,
    /// The events were removed before they were sent.
    Removed,
}

impl GapCause {
    /// Every cause.
    pub const ALL: [Self; 2] = [Self::Restored, Self::Removed];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Removed => "removed",
        }
    }
}

/// A place from which the log did not go on where the cursor stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gap {
    /// Why.
    pub cause: GapCause,
    /// Where the cursor stood.
    pub after: u64,
    /// The place after which the sink went on.
    pub until: u64,
    /// When it was noticed.
    pub at: Timestamp,
}

/// A permission request whose deadline comes closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reminder {
    /// The request.
    pub approval: ApprovalId,
    /// The place of the event of its opening.
    pub place: u64,
    /// When the reminder is due.
    pub due: Timestamp,
    /// Failed tries of it.
    pub tries: u32,
}

impl SinkProgress {
    /// The most reminders that a sink keeps. The latest of more are left out.
    pub const MOST_REMINDERS: usize = 500;

    /// The first reminder that is due.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<&Reminder> {
        self.reminders.iter().filter(|reminder| reminder.due <= now).min_by_key(|reminder| reminder.due)
    }

    /// Whether nothing may be tried yet.
    #[must_use]
    pub fn is_pausing(&self, now: Timestamp) -> bool {
        self.next_try.is_some_and(|next| next > now)
    }
}

/// A message that did not arrive in so many tries. Its event stays in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The sink.
    pub sink: SinkName,
    /// The place of the event or entry in the log.
    pub place: u64,
    /// The kind of the event; `None` for an entry of the audit log.
    pub kind: Option<FleetEventKind>,
    /// The session of the event.
    pub session_id: Option<SessionId>,
    /// How often it was tried, over all.
    pub tries: u32,
    /// Why the last try failed, and when.
    pub error: Trouble,
    /// Whether it waits to be sent again.
    pub again: bool,
}
