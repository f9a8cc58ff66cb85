//! The repository ports held in memory, for tests, embedding and examples.
//!
//! [`MemoryStore`] keeps every promise of [`flightdeck_domain::ports`] but one: what it holds ends with it. The example
//! `embed` shows a program that has the domain inside it.
//!
//! # How a change is made
//! All state is behind one lock. A mutation reads its facts there, asks the domain's rule, and writes what the rule gives
//! back; everything that can fail comes before the first write, so that a change is whole or not at all.
//!
//! # What does not belong here
//! Rules. Where this crate decides something, the domain lacks a function.

mod api_key;
mod approval;
mod audit;
mod command;
mod epoch;
mod feed;
mod idempotency;
mod login;
mod message;
mod operation;
mod operator_actions;
mod session;
mod state;
mod usage;

use std::sync::{Mutex, MutexGuard, PoisonError};

use state::State;

/// A store whose data lives as long as it does.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For tests: while set, every audit entry fails to be written, and with it the action that it tells of.
    pub fn set_audit_broken(&self, broken: bool) {
        self.state().audit_broken = broken;
    }

    /// The state, locked. A panic under the lock cannot leave half a change behind, for a change is computed before it is
    /// written, so the lock's poison says nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
