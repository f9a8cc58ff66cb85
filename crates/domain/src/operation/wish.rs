//! What an operator asks of one or many sessions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::action::{ActionName, Intervention};
use crate::session::SessionStatus;

/// A wish whose effect can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Stop so that the agent can continue.
    Pause,
    /// Continue.
    Resume,
    /// Stop the current turn.
    Interrupt,
    /// Stop for good.
    Kill,
}

/// A word that is not a wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no operation; use pause, resume, interrupt or kill")]
pub struct UnknownWish(pub String);

impl Wish {
    /// Every wish.
    pub const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Interrupt, Self::Kill];

    /// The wish of an intervention. A message has none, nor a choice, because no status
    /// shows its effect.
    #[must_use]
    pub const fn of(intervention: &Intervention) -> Option<Self> {
        match intervention {
            Intervention::Pause => Some(Self::Pause),
            Intervention::Resume => Some(Self::Resume),
            Intervention::Interrupt { .. } => Some(Self::Interrupt),
            Intervention::Kill => Some(Self::Kill),
            Intervention::Inject { .. }
            | Intervention::Cancel { .. }
            | Intervention::Configure(_)
            | Intervention::Close => None,
        }
    }

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Interrupt => "interrupt",
            Self::Kill => "kill",
        }
    }

    /// The name on the audit log.
    #[must_use]
    pub const fn name(self) -> ActionName {
        match self {
            Self::Pause => ActionName::Pause,
            Self::Resume => ActionName::Resume,
            Self::Interrupt => ActionName::Interrupt,
            Self::Kill => ActionName::Kill,
        }
    }

    /// Whether a session in this status is as wished.
    #[must_use]
    pub const fn is_seen_in(self, status: SessionStatus) -> bool {
        match self {
            Self::Pause => matches!(status, SessionStatus::Paused),
            Self::Resume => status.is_live() && !matches!(status, SessionStatus::Paused),
            Self::Interrupt => matches!(status, SessionStatus::Idle),
            Self::Kill => matches!(status, SessionStatus::Killed),
        }
    }

    /// Whether a newer wish for the same session makes this one pointless.
    #[must_use]
    pub const fn is_superseded_by(self, newer: Self) -> bool {
        matches!(
            (self, newer),
            (Self::Pause | Self::Resume | Self::Interrupt, Self::Kill)
                | (Self::Resume, Self::Pause)
                | (Self::Pause, Self::Resume)
        )
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Wish {
    type Err = UnknownWish;

    fn from_str(word: &str) -> Result<Self, UnknownWish> {
        Self::ALL.into_iter().find(|wish| wish.as_str() == word).ok_or_else(|| UnknownWish(word.to_owned()))
    }
}
