//! The heads of sessions that were appended to lately.
//!
//! A head that is remembered may be out of date: other replicas, and everybody but appends, change sessions too. So what is
//! decided on it is written only where it still holds ([`super::at_once`]).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::{Session, SessionStatus};

/// So many are kept by each task, a kilobyte each; beyond it all are forgotten.
const MOST: usize = 8_192;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<HashMap<SessionId, Session>>);

impl Heads {
    pub(super) fn get(&self, id: SessionId) -> Option<Session> {
        self.heads().get(&id).cloned()
    }

    /// Remembers a head, unless an append may need more than it: a session that is lost comes back, one that has ended
    /// takes nothing.
    pub(super) fn put(&self, head: Session) {
        let mut heads = self.heads();
        if head.status.is_terminal() || head.status == SessionStatus::Lost {
            heads.remove(&head.id);
            return;
        }
        if heads.len() >= MOST {
            heads.clear();
        }
        heads.insert(head.id, head);
    }

    pub(super) fn forget(&self, id: SessionId) {
        self.heads().remove(&id);
    }

    fn heads(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
