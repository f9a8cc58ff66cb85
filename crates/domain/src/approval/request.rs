//! The record of one permission request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ApprovalOption, ApprovalOptions};
use crate::feed::FleetEventDraft;
use crate::ids::{ApprovalId, SessionId};
use crate::operator::Actor;
use crate::text::{ApprovalTitle, JsonObject, Reason};
use crate::time::Timestamp;

/// A request for permission, open or closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Its id, chosen by the client or minted when it is opened; unique in the whole deployment.
    pub id: ApprovalId,
    /// The session whose agent asks.
    pub session_id: SessionId,
    /// What permission is asked for, in one line.
    pub title: ApprovalTitle,
    /// What permission is asked for, in full: the tool call, a diff, or anything that helps to decide.
    pub detail: JsonObject,
    /// The options of the operator.
    pub options: ApprovalOptions,
    /// Its state.
    pub state: ApprovalState,
    /// When the agent asked.
    pub opened_at: Timestamp,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
}

/// The state of a permission request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// It is open: no operator has decided yet.
    Open,
    /// An operator has decided. Final.
    Decided(Verdict),
    /// It closed without a decision. Final.
    Expired {
        /// What closed it.
        why: ExpiryReason,
        /// When.
        at: Timestamp,
    },
}

/// What an operator decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The chosen option.
    pub option: ApprovalOption,
    /// Who decided.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The reason, in the operator's words.
    pub reason: Option<Reason>,
    /// What the operator filled into the form, if the request has one and was allowed.
    pub answer: Option<JsonObject>,
}

/// The states of a permission request, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// No operator has decided yet.
    Open,
    /// An operator has decided.
    Decided,
    /// It closed without a decision.
    Expired,
}

/// A word that is not a state of a permission request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of a permission request; use open, decided or expired")]
pub struct UnknownApprovalStatus(pub String);

impl ApprovalStatus {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Decided, Self::Expired];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided => "decided",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for ApprovalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApprovalStatus {
    type Err = UnknownApprovalStatus;

    fn from_str(word: &str) -> Result<Self, UnknownApprovalStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| UnknownApprovalStatus(word.to_owned()))
    }
}

/// Why a permission request closed without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryReason {
    /// Its deadline passed.
    Deadline,
    /// Its session ended.
    SessionEnded,
    /// Its agent took it back.
    Withdrawn,
}

/// A word that is not a way to expire.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no way to expire; use deadline, session_ended or withdrawn")]
pub struct UnknownExpiryReason(pub String);

impl ExpiryReason {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Deadline, Self::SessionEnded, Self::Withdrawn];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::SessionEnded => "session_ended",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The cause, in a sentence.
    pub(in crate::approval) const fn told(self) -> &'static str {
        match self {
            Self::Deadline => "its deadline passed",
            Self::SessionEnded => "its session ended",
            Self::Withdrawn => "its agent took it back",
        }
    }
}

impl FromStr for ExpiryReason {
    type Err = UnknownExpiryReason;

    fn from_str(word: &str) -> Result<Self, UnknownExpiryReason> {
        Self::ALL.into_iter().find(|why| why.as_str() == word).ok_or_else(|| UnknownExpiryReason(word.to_owned()))
    }
}

impl Approval {
    /// Who decided it; `None` when nobody has.
    #[must_use]
    pub const fn decided_by(&self) -> Option<&Actor> {
        match &self.state {
            ApprovalState::Decided(verdict) => Some(&verdict.by),
            ApprovalState::Open | ApprovalState::Expired { .. } => None,
        }
    }

    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> ApprovalStatus {
        match self.state {
            ApprovalState::Open => ApprovalStatus::Open,
            ApprovalState::Decided(_) => ApprovalStatus::Decided,
            ApprovalState::Expired { .. } => ApprovalStatus::Expired,
        }
    }

    /// Whether an operator can still decide it, as far as the request itself shows.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, ApprovalState::Open)
    }

    /// Closes an open request because its session has ended, with the event of this. A store calls this for each open
    /// request in the transaction of the end.
    #[must_use]
    pub fn end(&self, at: Timestamp) -> (Self, FleetEventDraft) {
        self.expired(ExpiryReason::SessionEnded, at)
    }

    pub(super) fn expired(&self, why: ExpiryReason, at: Timestamp) -> (Self, FleetEventDraft) {
        let after = Self { state: ApprovalState::Expired { why, at }, ..self.clone() };
        let event = FleetEventDraft::approval(&after, at);
        (after, event)
    }
}
