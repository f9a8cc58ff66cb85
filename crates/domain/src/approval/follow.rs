//! What a permission request does to the status of its session.

use crate::ids::Seq;
use crate::session::{Observation, Observed, Session};

/// What a permission request does to its session.
#[derive(Clone, Debug, PartialEq)]
pub struct Follow {
    /// The session, with its move if it made one.
    pub observed: Observed,
    /// The newest seq of the conversation, when the status moved: followers are to be woken.
    pub moved: Option<Seq>,
}

impl Session {
    /// Moves as an observation says; one that the status machine does not have is no move.
    pub(super) fn follow(&self, observation: &Observation) -> Follow {
        let observed = self.observe(observation).unwrap_or_else(|_illegal| Observed::Unchanged(Box::new(self.clone())));
        let moved = match &observed {
            Observed::Changed(change) => Some(change.session.last_seq),
            Observed::Unchanged(_) => None,
        };
        Follow { observed, moved }
    }
}
