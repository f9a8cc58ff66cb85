//! Sessions that sent a message again lately.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flightdeck_domain::ids::SessionId;

/// So many are kept; beyond it all are forgotten.
const MOST: usize = 10_000;

/// The sessions whose messages are looked up before they are inserted. Of all others the insert itself tells that one is
/// there already; but then the whole group is done again, and PostgreSQL writes an error into its log. An agent that
/// sends its conversation again with every turn is to do that once.
#[derive(Debug, Default)]
pub(crate) struct Repeats(Mutex<HashSet<SessionId>>);

impl Repeats {
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.sessions().contains(&session)
    }

    pub(super) fn note(&self, session: SessionId) {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST {
            sessions.clear();
        }
        sessions.insert(session);
    }

    fn sessions(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
