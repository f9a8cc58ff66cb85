//! The guard: agents that run wild are seen by what they do.
//!
//! An agent that makes the same call with the same result over and over, or spends more in an hour than it may, is warned in
//! its conversation and then paused, once for each cause: an operator who lets it go on has decided so. The guard watches the
//! messages that pass through one process, and begins anew when the process does.

mod sign;
mod switch;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;

pub use sign::Sign;
pub use switch::GuardSwitch;
pub use watch::{Alarm, Cause, Stage, Watch};

use crate::text::MissionId;
use crate::usage::Cost;

/// What an agent may do before it is taken to run wild.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardLimits {
    /// It is paused when it makes the same call with the same result so often among its last
    /// [`Watch::WINDOW`] calls; it is warned after half of them. `None` for as often as it likes.
    pub repeats: Option<u32>,
    /// It is paused when it has spent so much within an hour; it is warned at four fifths. `None` for any amount.
    pub cost_per_hour: Option<Cost>,
    /// The missions whose agents are not watched.
    pub spared: BTreeSet<MissionId>,
}

impl GuardLimits {
    /// Whether nothing is watched.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.repeats.is_none() && self.cost_per_hour.is_none()
    }
}
