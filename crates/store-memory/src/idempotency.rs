//! Control calls that were sent with a key.

use std::collections::BTreeMap;

use flightdeck_domain::action::{Attribution, Call, Fingerprint, Remembered};
use flightdeck_domain::text::IdempotencyKey;

/// What accepted calls came to, by actor and key.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys(BTreeMap<(String, IdempotencyKey), Remembered>);

impl IdempotencyKeys {
    /// Holds a call against what is kept of its key.
    pub(crate) fn call(&self, by: &Attribution, fingerprint: Fingerprint) -> Call {
        let key = by.idempotency_key.clone().map(|key| (by.actor.as_str().to_owned(), key));
        by.call(fingerprint, key.and_then(|key| self.0.get(&key)).cloned())
    }

    /// Keeps what an accepted call came to, if it has a key; forgets what is too old.
    pub(crate) fn keep(&mut self, by: &Attribution, remembered: impl FnOnce() -> Remembered) {
        let Some(key) = by.idempotency_key.clone() else { return };
        self.0.retain(|_, kept| kept.at >= by.remembered_since());
        self.0.insert((by.actor.as_str().to_owned(), key), remembered());
    }
}
