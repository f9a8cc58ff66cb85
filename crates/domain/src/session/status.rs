//! The status machine: the only place that knows which changes are legal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What was observed of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It was requested, and is not observed at work yet.
    Spawning,
    /// It is in a turn.
    Running,
    /// A turn ended; it waits for the next prompt.
    Idle,
    /// It has an open permission request.
    Waiting,
    /// It was observed to have stopped because an operator asked for it, and can continue.
    Paused,
    /// It ended well. Final.
    Completed,
    /// It ended badly. Final.
    Failed,
    /// It was observed dead after an operator asked for it. Final.
    Killed,
    /// It was silent for longer than its lease; it may come back by reporting.
    Lost,
}

/// A change that the status machine does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session that is {from} cannot become {to}")]
pub struct IllegalTransition {
    /// The current status.
    pub from: SessionStatus,
    /// The requested status.
    pub to: SessionStatus,
}

/// A word that is not a status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a status; use one of spawning, running, idle, waiting, paused, completed, failed, killed, lost")]
pub struct UnknownStatus(pub String);

impl SessionStatus {
    /// Every status, in the order of a session's life.
    pub const ALL: [Self; 9] = [
        Self::Spawning,
        Self::Running,
        Self::Idle,
        Self::Waiting,
        Self::Paused,
        Self::Completed,
        Self::Failed,
        Self::Killed,
        Self::Lost,
    ];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spawning => "spawning",
            Self::Running => "running",
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Lost => "lost",
        }
    }

    /// Whether no other status can follow.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Killed)
    }

    /// Whether the agent is thought to be at work: it has neither ended nor is it lost.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Lost)
    }

    /// Changes the status.
    ///
    /// ```text
    /// spawning ─▶ running ⇄ idle        running ⇄ waiting
    ///             running|idle|waiting ⇄ paused
    /// any live ─▶ completed | failed | killed | lost
    /// lost     ─▶ anything but spawning
    /// ```
    /// A status may be reported again; that changes nothing.
    ///
    /// # Errors
    /// The status machine does not allow the change.
    pub const fn transition(self, to: Self) -> Result<Self, IllegalTransition> {
        use SessionStatus::{Completed, Failed, Idle, Killed, Lost, Paused, Running, Spawning, Waiting};
        let legal = match (self, to) {
            (Completed, Completed) | (Failed, Failed) | (Killed, Killed) => true,
            (Completed | Failed | Killed, _) | (Running | Idle | Waiting | Paused | Lost, Spawning) => false,
            (Lost, _) | (_, Completed | Failed | Killed | Lost) => true,
            (Spawning, Spawning | Running) => true,
            (Spawning, Idle | Waiting | Paused) => false,
            (Running, Running | Idle | Waiting | Paused) => true,
            (Idle, Idle | Running | Paused) | (Waiting, Waiting | Running | Paused) => true,
            (Idle, Waiting) | (Waiting, Idle) => false,
            (Paused, Paused | Running | Idle | Waiting) => true,
        };
        if legal { Ok(to) } else { Err(IllegalTransition { from: self, to }) }
    }
}

impl fmt::Display for SessionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SessionStatus {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| UnknownStatus(word.to_owned()))
    }
}

/// What an operator asked for. [`SessionStatus`] is what was observed; the two are never confused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredStatus {
    /// Work.
    #[default]
    Running,
    /// Stop where that is possible, so that the agent can continue.
    Paused,
    /// Stop for good. Final.
    Killed,
}

impl DesiredStatus {
    /// Every desired status.
    pub const ALL: [Self; 3] = [Self::Running, Self::Paused, Self::Killed];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Killed => "killed",
        }
    }
}

impl fmt::Display for DesiredStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DesiredStatus {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| UnknownStatus(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SessionStatus::{Completed, Failed, Idle, Killed, Lost, Paused, Running, Spawning, Waiting};
    use proptest::prelude::*;

    #[test]
    fn the_machine_is_exactly_the_drawn_one() {
        let legal = |from: SessionStatus| -> Vec<SessionStatus> {
            SessionStatus::ALL.into_iter().filter(|to| *to != from && from.transition(*to).is_ok()).collect()
        };
        assert_eq!(legal(Spawning), [Running, Completed, Failed, Killed, Lost]);
        assert_eq!(legal(Running), [Idle, Waiting, Paused, Completed, Failed, Killed, Lost]);
        assert_eq!(legal(Idle), [Running, Paused, Completed, Failed, Killed, Lost]);
        assert_eq!(legal(Waiting), [Running, Paused, Completed, Failed, Killed, Lost]);
        assert_eq!(legal(Paused), [Running, Idle, Waiting, Completed, Failed, Killed, Lost]);
        assert_eq!(legal(Lost), [Running, Idle, Waiting, Paused, Completed, Failed, Killed]);
        for end in [Completed, Failed, Killed] {
            assert_eq!(legal(end), []);
        }
    }

    #[test]
    fn an_illegal_move_names_both_states() {
        let error = Completed.transition(Running).expect_err("final");
        assert_eq!(error.to_string(), "a session that is completed cannot become running");
    }

    #[test]
    fn words_round_trip() {
        for status in SessionStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("Running".parse::<SessionStatus>().is_err());
    }

    proptest! {
        #[test]
        fn no_history_leaves_a_terminal_status(moves in prop::collection::vec(0_usize..9, 1..60)) {
            let mut status = Spawning;
            let mut ended = None;
            for step in moves {
                if let Ok(next) = status.transition(SessionStatus::ALL[step]) {
                    status = next;
                }
                if let Some(end) = ended {
                    prop_assert_eq!(status, end);
                } else if status.is_terminal() {
                    ended = Some(status);
                }
            }
        }
    }
}
