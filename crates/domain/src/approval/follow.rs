//! The effect of a permission request on the status of its session.

use crate::ids::Seq;
use crate::session::{Observation, Observed, Session};

/// The effect of a permission request on its session.
#[derive(Clone, Debug, PartialEq)]
pub struct Follow {
    /// The session, with its change of status if there is one.
    pub observed: Observed,
    /// The newest seq of the conversation, if the status changed; its followers have to be woken.
    pub moved: Option<Seq>,
}

impl Session {
    /// Changes the status as an observation does. A change that the status machine does not allow is ignored.
    pub(super) fn follow(&self, observation: &Observation) -> Follow {
        let observed = self.observe(observation).unwrap_or_else(|_illegal| Observed::Unchanged(Box::new(self.clone())));
        let moved = match &observed {
            Observed::Changed(change) => Some(change.session.last_seq),
            Observed::Unchanged(_) => None,
        };
        Follow { observed, moved }
    }
}
