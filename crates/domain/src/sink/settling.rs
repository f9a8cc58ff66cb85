//! What a replica that sends reports to the store.

use std::time::Duration;

use super::{DeadLetter, Gap, LEASE, Reminder, Sink, SinkName, Trouble};
use crate::epoch::Epoch;
use crate::feed::FleetEventKind;
use crate::ids::{ApprovalId, SessionId};
use crate::time::Timestamp;

/// A message that the receiver does not take whatever is done is tried so often.
const TRIES_OF_REJECTED: u32 = 3;
/// The first pause.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The pause after so many failures without a success: it doubles from one second to five minutes, less a random part of
/// up to a half, so that the sinks of a receiver do not come back all at once.
#[must_use]
pub fn pause(failures: u32, random: u64) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = SHORTEST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
    let half = u64::try_from(whole.as_millis() / 2).unwrap_or(u64::MAX);
    whole.saturating_sub(Duration::from_millis(random % half.saturating_add(1)))
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, without any credential.
    pub what: String,
    /// Whether the receiver said that it does not take this message.
    pub rejected: bool,
    /// How long nothing is tried.
    pub pause: Duration,
}

/// A message of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its place.
    pub place: u64,
    /// The kind of the event; `None` for an entry of the audit log.
    pub kind: Option<FleetEventKind>,
    /// The session of the event.
    pub session_id: Option<SessionId>,
    /// The reminder that follows it.
    pub reminder: Option<Reminder>,
}

/// What has become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing up to this place is wanted.
    Moved {
        /// The place.
        to: u64,
        /// Where the log did not go on, if that was noticed.
        gap: Option<Gap>,
    },
    /// It was accepted.
    Sent(Letter),
    /// It was not.
    Failed(Letter, Failure),
    /// The reminder of a request was accepted, or is not needed any more.
    Reminded {
        /// The request.
        approval: ApprovalId,
        /// Whether a message was sent.
        sent: bool,
    },
    /// The reminder of a request was not accepted.
    NotReminded(ApprovalId, Failure),
    /// A dead letter was accepted, or its event is gone.
    Resent {
        /// Its place.
        place: u64,
        /// Whether a message was sent.
        sent: bool,
    },
    /// A dead letter was not accepted.
    NotResent {
        /// Its place.
        place: u64,
        /// Why.
        failure: Failure,
    },
    /// Nothing can be sent, whatever the message: the credentials cannot be opened, or the log cannot be read.
    Stuck(Failure),
}

impl Step {
    /// Whether it is about a dead letter.
    #[must_use]
    pub const fn is_again(&self) -> bool {
        matches!(self, Self::Resent { .. } | Self::NotResent { .. })
    }
}

/// A replica reports a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// The sink.
    pub name: SinkName,
    /// The token of its lease.
    pub fence: u64,
    /// The history that the places belong to.
    pub epoch: Epoch,
    /// What has become of a message.
    pub step: Step,
    /// The time.
    pub at: Timestamp,
}

/// What a step does to the dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterEffect {
    /// There is another one.
    Died(DeadLetter),
    /// One is gone.
    Gone(u64),
    /// One stays, with this trouble.
    Stays(u64, Trouble),
}

/// What a step writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The sink.
    pub sink: Sink,
    /// What becomes of the dead letters.
    pub letters: Option<LetterEffect>,
}

impl Settling {
    /// Decides what is written; `None` when another replica has taken the lease since, or the sink is gone: the replica
    /// has to stop, and what it has sent is sent again by the other.
    #[must_use]
    pub fn decide(&self, existing: Option<&Sink>) -> Option<Settled> {
        let existing = existing.filter(|sink| sink.progress.lease.fence == self.fence)?;
        let mut sink = existing.clone();
        sink.progress.lease.until = Some(self.at.saturating_add(LEASE));
        let letters = self.take(&mut sink);
        Some(Settled { sink, letters })
    }

    fn take(&self, sink: &mut Sink) -> Option<LetterEffect> {
        match &self.step {
            Step::Moved { to, gap } => {
                self.go_to(sink, *to);
                sink.progress.gap = gap.or(sink.progress.gap);
                None
            }
            Step::Sent(letter) => {
                self.go_on_behind(sink, letter);
                self.succeed(sink);
                None
            }
            Step::Failed(letter, failure) => {
                let trouble = self.fail(sink, failure);
                let tries = sink.progress.tries.saturating_add(1);
                if tries < most(sink, failure) {
                    sink.progress.tries = tries;
                    return None;
                }
                self.go_on_behind(sink, letter);
                Some(LetterEffect::Died(DeadLetter {
                    sink: self.name.clone(),
                    place: letter.place,
                    kind: letter.kind,
                    session_id: letter.session_id,
                    tries,
                    error: trouble,
                    again: false,
                }))
            }
            Step::Reminded { approval, sent } => {
                sink.progress.reminders.retain(|reminder| reminder.approval != *approval);
                if *sent {
                    self.succeed(sink);
                }
                None
            }
            Step::NotReminded(approval, failure) => {
                self.fail(sink, failure);
                let most = most(sink, failure);
                for reminder in &mut sink.progress.reminders {
                    reminder.tries = reminder.tries.saturating_add(u32::from(reminder.approval == *approval));
                }
                sink.progress.reminders.retain(|reminder| reminder.tries < most);
                None
            }
            Step::Resent { place, sent } => {
                if *sent {
                    self.succeed(sink);
                }
                Some(LetterEffect::Gone(*place))
            }
            Step::NotResent { place, failure } => {
                let trouble = self.fail(sink, failure);
                Some(LetterEffect::Stays(*place, trouble))
            }
            Step::Stuck(failure) => {
                self.fail(sink, failure);
                None
            }
        }
    }

    fn go_to(&self, sink: &mut Sink, place: u64) {
        let progress = &mut sink.progress;
        progress.cursor = place;
        progress.epoch = Some(self.epoch);
        progress.tries = 0;
    }

    fn go_on_behind(&self, sink: &mut Sink, letter: &Letter) {
        self.go_to(sink, letter.place);
        let reminders = &mut sink.progress.reminders;
        if reminders.len() < super::SinkProgress::MOST_REMINDERS {
            reminders.extend(letter.reminder);
        }
    }

    fn succeed(&self, sink: &mut Sink) {
        let progress = &mut sink.progress;
        progress.last_success = Some(self.at);
        progress.failures = 0;
        progress.next_try = None;
    }

    fn fail(&self, sink: &mut Sink, failure: &Failure) -> Trouble {
        let trouble = Trouble::new(&failure.what, self.at);
        let progress = &mut sink.progress;
        progress.failures = progress.failures.saturating_add(1);
        progress.next_try = Some(self.at.saturating_add(failure.pause));
        progress.last_error = Some(trouble.clone());
        trouble
    }
}

/// How often a message that failed so is tried.
fn most(sink: &Sink, failure: &Failure) -> u32 {
    if failure.rejected { sink.most_tries.min(TRIES_OF_REJECTED) } else { sink.most_tries }
}

#[cfg(test)]
mod tests;
