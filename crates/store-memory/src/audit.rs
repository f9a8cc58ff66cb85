//! The audit log, read, and its checkpoints.

use flightdeck_domain::audit::{IsWithin, Ledger};
use flightdeck_domain::ports::KeepsLedger;

use crate::MemoryStore;
use crate::state::{State, upwards};

impl KeepsLedger for MemoryStore {
    fn ledger<T>(&self, work: impl FnOnce(&mut Ledger, &IsWithin<'_>) -> T) -> T {
        let mut state = self.state();
        let State { sessions, audit, .. } = &mut *state;
        work(audit, &|id, top| upwards(sessions, id).any(|session| session.id == top))
    }
}
