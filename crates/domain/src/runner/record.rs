//! A runner as it is kept.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Offer, RunnerName, RunnerVersion};
use crate::ids::KeyId;
use crate::provider_config::Label;
use crate::time::Timestamp;

/// Whether a runner takes assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunnerState {
    /// It takes assignments.
    Active,
    /// It takes none. The agents that it has go on.
    Draining,
    /// It has said that it goes; it has no agents.
    Left,
}

impl RunnerState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Draining, Self::Left];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Left => "left",
        }
    }
}

/// What is done with the agents of a runner that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhenLost {
    /// A session that has been `lost` for so long is failed, in seconds; `None` leaves it lost.
    pub fail_after: Option<u32>,
    /// Whether an agent whose start nobody has confirmed is given to another runner. Otherwise its session fails.
    pub requeue: bool,
}

impl WhenLost {
    /// The longest wait before a lost session is failed: 30 days, in seconds.
    pub const LONGEST: u32 = 30 * 24 * 60 * 60;
}

impl Default for WhenLost {
    fn default() -> Self {
        Self { fail_after: Some(600), requeue: true }
    }
}

/// A runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    /// Its name.
    pub name: RunnerName,
    /// Tells one run of it from another: a runner that keeps its outbox keeps this too.
    pub instance: Uuid,
    /// The key that it has. The name belongs to this key.
    pub key_id: KeyId,
    /// Whether it takes assignments.
    pub state: RunnerState,
    /// Its labels.
    pub labels: BTreeSet<Label>,
    /// What it can start.
    pub offers: BTreeSet<Offer>,
    /// How many agents it runs at once.
    pub capacity: u32,
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// Its program.
    pub version: RunnerVersion,
    /// When this instance registered first.
    pub registered_at: Timestamp,
    /// When it was heard of.
    pub seen_at: Timestamp,
    /// How far its clock is ahead of the server's, in milliseconds; the way of the request is in it.
    pub clock_ahead: i64,
}

impl Runner {
    /// The version of the runner protocol.
    pub const PROTOCOL: u32 = 1;
    /// A runner that is silent for so long is gone.
    pub const LEASE: Duration = Duration::from_secs(30);
    /// The most labels and the most offers of a runner.
    pub const MOST_WORDS: usize = 50;
    /// The largest capacity.
    pub const MOST_AT_ONCE: u32 = 10_000;

    /// Whether it was heard of within the lease.
    #[must_use]
    pub fn is_there(&self, now: Timestamp) -> bool {
        self.state != RunnerState::Left && self.seen_at.saturating_add(Self::LEASE) >= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::fixtures::runner;

    fn at(second: u64) -> Timestamp {
        crate::fixtures::at(0).saturating_add(Duration::from_secs(second))
    }

    #[test]
    fn a_runner_is_there_until_it_leaves_or_was_silent_for_longer_than_its_lease() {
        for (state, second, is_there) in [
            (RunnerState::Active, 0, true),
            (RunnerState::Active, 30, true),
            (RunnerState::Active, 31, false),
            (RunnerState::Draining, 30, true),
            (RunnerState::Draining, 31, false),
            (RunnerState::Left, 0, false),
        ] {
            let runner = Runner { state, ..runner("one") };
            assert_eq!(runner.is_there(at(second)), is_there, "{state:?} after {second} s");
        }
    }

    #[test]
    fn the_words_of_states_are_those_that_are_stored() {
        assert_eq!(RunnerState::ALL.map(RunnerState::as_str), ["active", "draining", "left"]);
        for state in RunnerState::ALL {
            assert_eq!(serde_json::to_value(state).expect("written"), state.as_str());
        }
    }

    #[test]
    fn without_a_word_of_it_a_lost_agent_fails_after_ten_minutes_and_one_that_was_not_started_is_passed_on() {
        assert_eq!(WhenLost::default(), WhenLost { fail_after: Some(600), requeue: true });
    }
}
