//! A session whose agent a runner is to start.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{AssignmentRefused, LeaseRequest, Offer, Runner, RunnerName, RunnerState, StartRequest, WhenLost};
use crate::ids::SessionId;
use crate::provider_config::{Label, StartedBy};
use crate::text::{JsonObject, MessageContent};
use crate::time::Timestamp;

/// A fencing token: each lease of an assignment has a larger one than the lease before.
pub type Fence = u64;

/// How far an assignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssignmentState {
    /// No runner has it.
    Waiting,
    /// A runner has it and has not confirmed the start.
    Leased,
    /// It is not to be started any more, and its session has still to be told so.
    Cancelled,
    /// A runner has confirmed that it starts the agent. It has the assignment until the end.
    Started,
    /// It is over.
    Ended,
}

impl AssignmentState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Leased, Self::Cancelled, Self::Started, Self::Ended];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Leased => "leased",
            Self::Cancelled => "cancelled",
            Self::Started => "started",
            Self::Ended => "ended",
        }
    }
}

/// An assignment.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The session.
    pub session_id: SessionId,
    /// The configuration that it is started from.
    pub started_by: StartedBy,
    /// What a runner must offer.
    pub offer: Offer,
    /// The labels that a runner needs.
    pub labels: BTreeSet<Label>,
    /// The settings of the configuration at that revision.
    pub settings: JsonObject,
    /// How many agents of the configuration a runner may run at once.
    pub at_once: Option<u32>,
    /// The first prompt.
    pub prompt: Option<MessageContent>,
    /// What is done when its runner is gone.
    pub when_lost: WhenLost,
    /// How far it is.
    pub state: AssignmentState,
    /// The token of the newest lease; 0 before the first.
    pub fence: Fence,
    /// The runner that has it, or had it last.
    pub runner: Option<RunnerName>,
    /// Which run of it.
    pub instance: Option<Uuid>,
    /// Until when the lease holds.
    pub leased_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Assignment {
    /// Whether a runner may lease it.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self.state {
            AssignmentState::Waiting => true,
            AssignmentState::Leased => self.has_lapsed(now) && self.when_lost.requeue,
            AssignmentState::Cancelled | AssignmentState::Started | AssignmentState::Ended => false,
        }
    }

    /// Whether its lease ran out before anybody confirmed the start.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.state == AssignmentState::Leased && self.leased_until.is_none_or(|until| until < now)
    }

    /// Why a runner cannot run its agent; `None` if it can.
    #[must_use]
    pub fn unfit(&self, runner: &Runner) -> Option<String> {
        if !runner.offers.contains(&self.offer) {
            return Some(format!("{} does not offer {}", runner.name, self.offer));
        }
        let lacking: Vec<&str> = self.labels.difference(&runner.labels).map(Label::as_str).collect();
        if lacking.is_empty() { None } else { Some(format!("{} lacks {}", runner.name, lacking.join(", "))) }
    }

    /// Gives it to a runner with a new token; `None` when the runner does not fit or it is not open. A runner that has it
    /// and has not confirmed its start gets it again with the same token: the answer before may have been lost.
    #[must_use]
    pub fn lease(&self, runner: &Runner, request: &LeaseRequest) -> Option<Self> {
        let is_theirs = self.runner.as_ref() == Some(&runner.name) && self.instance == Some(runner.instance);
        if self.state == AssignmentState::Leased && is_theirs {
            return Some(Self { leased_until: Some(request.heard.at.saturating_add(Runner::LEASE)), ..self.clone() });
        }
        let fits = runner.state == RunnerState::Active && self.unfit(runner).is_none();
        if !fits || !self.is_open(request.heard.at) {
            return None;
        }
        Some(Self {
            state: AssignmentState::Leased,
            fence: self.fence + 1,
            runner: Some(runner.name.clone()),
            instance: Some(runner.instance),
            leased_until: Some(request.heard.at.saturating_add(Runner::LEASE)),
            ..self.clone()
        })
    }

    /// Confirms the start. To confirm it again with the same token is harmless. A lease that ran out still counts while
    /// nobody else has the assignment.
    ///
    /// # Errors
    /// Somebody else has it, or it is over.
    pub fn start(&self, request: &StartRequest) -> Result<Self, AssignmentRefused> {
        let session = self.session_id;
        if matches!(self.state, AssignmentState::Cancelled | AssignmentState::Ended) {
            return Err(AssignmentRefused::Ended(session));
        }
        let is_theirs = self.runner.as_ref() == Some(&request.runner) && self.fence == request.fence;
        match self.state {
            AssignmentState::Leased | AssignmentState::Started if is_theirs => {
                Ok(Self { state: AssignmentState::Started, leased_until: None, ..self.clone() })
            }
            _ => Err(AssignmentRefused::Fenced { session, fence: request.fence, current: self.fence }),
        }
    }

    /// Takes it back before its agent was started; `None` when a runner has confirmed the start, or it is over already.
    #[must_use]
    pub fn cancel(&self) -> Option<Self> {
        let is_before = self.state < AssignmentState::Cancelled;
        is_before.then(|| Self { state: AssignmentState::Cancelled, ..self.clone() })
    }

    /// Ends it.
    #[must_use]
    pub fn end(&self) -> Option<Self> {
        (self.state != AssignmentState::Ended).then(|| Self { state: AssignmentState::Ended, ..self.clone() })
    }

    /// Whether reports with this token are taken.
    ///
    /// # Errors
    /// The start was not confirmed with it, or it is over.
    pub fn admits(&self, runner: &RunnerName, fence: Fence) -> Result<(), AssignmentRefused> {
        let session = self.session_id;
        match self.state {
            AssignmentState::Cancelled | AssignmentState::Ended => Err(AssignmentRefused::Ended(session)),
            AssignmentState::Started if self.runner.as_ref() == Some(runner) && self.fence == fence => Ok(()),
            _ => Err(AssignmentRefused::Fenced { session, fence, current: self.fence }),
        }
    }
}

/// Which assignments are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Only these states; none for all.
    pub states: Vec<AssignmentState>,
    /// Only those of this runner.
    pub runner: Option<RunnerName>,
}

#[cfg(test)]
mod tests;
