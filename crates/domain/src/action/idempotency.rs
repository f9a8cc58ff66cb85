//! Repeated calls: an action that carries a key is done once.
//!
//! A caller who got no answer cannot know whether the action was done. With an `Idempotency-Key` the caller repeats the
//! call: the first call does the action, and every other call gets its result. The header is that of the IETF draft
//! `draft-ietf-httpapi-idempotency-key-header`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ActionName, Attribution};
use crate::audit::AuditTarget;
use crate::ids::{AuditSeq, CommandSeq, OperationId, Seq};
use crate::text::{IdempotencyKey, Reason};
use crate::time::Timestamp;

/// What a call asks for, as a hash. Two calls that ask for the same thing have the same hash, whenever they come. Ids
/// that are minted for a call are not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(
        action: ActionName,
        target: &AuditTarget,
        reason: Option<&Reason>,
        details: &BTreeMap<String, String>,
    ) -> Self {
        // An array of plain values and a sorted map: one text for one content.
        let text = json!([action, target, reason, details]).to_string();
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The hash that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What is stored of an accepted call with a key, for a repeated call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What the call asked for.
    pub fingerprint: Fingerprint,
    /// When the call came.
    pub at: Timestamp,
    /// Its place on the audit log; `None` while its entry lies in the spool.
    pub audit_seq: Option<AuditSeq>,
    /// The place of the message that it added to a conversation.
    pub message: Option<Seq>,
    /// The place of the command that it added to a queue.
    pub command: Option<CommandSeq>,
    /// The operation that it began.
    pub operation: Option<OperationId>,
    /// How many sessions it hit, for an action on the whole fleet.
    pub total: u64,
}

impl Remembered {
    /// How long a key is remembered at least. After that the key counts as new.
    pub const KEPT_FOR: Duration = Duration::from_hours(24);

    /// An accepted call that wrote only its audit entry.
    #[must_use]
    pub const fn new(fingerprint: Fingerprint, at: Timestamp, audit_seq: Option<AuditSeq>) -> Self {
        Self { fingerprint, at, audit_seq, message: None, command: None, operation: None, total: 0 }
    }
}

/// A key that was used for another call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Idempotency-Key {key:?} was used for another call at {at}; use a new key for a new call")]
pub struct KeyReused {
    /// The key.
    pub key: IdempotencyKey,
    /// When the first call with it came.
    pub at: Timestamp,
}

/// A call, compared with what is remembered of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// The call is new and has to be done.
    New,
    /// The call was done; this is its result.
    Again(Remembered),
    /// The key belongs to another call.
    Reused(KeyReused),
}

impl Attribution {
    /// The start of the time for which keys are remembered. Older keys may be deleted, and are not found.
    #[must_use]
    pub fn remembered_since(&self) -> Timestamp {
        self.at.saturating_sub(Remembered::KEPT_FOR)
    }

    /// Compares a call with what is stored under this actor's key. A store calls this under the lock under which it
    /// does the action, so that of two simultaneous calls one is done and the other gets its result.
    #[must_use]
    pub fn call(&self, fingerprint: Fingerprint, kept: Option<Remembered>) -> Call {
        match (&self.idempotency_key, kept) {
            (Some(key), Some(kept)) if kept.at >= self.remembered_since() => {
                if kept.fingerprint == fingerprint {
                    Call::Again(kept)
                } else {
                    Call::Reused(KeyReused { key: key.clone(), at: kept.at })
                }
            }
            _ => Call::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, attribution, session_id};

    fn print(reason: &str) -> Fingerprint {
        let target = AuditTarget::Session(session_id(1));
        Fingerprint::of(ActionName::Pause, &target, Reason::new(reason).ok().as_ref(), &BTreeMap::new())
    }

    fn by(second: i64, key: Option<&str>) -> Attribution {
        let idempotency_key = key.map(|key| IdempotencyKey::new(key).expect("valid"));
        Attribution { at: at(second), idempotency_key, ..attribution("because") }
    }

    #[test]
    fn the_same_call_gets_its_result_and_another_one_a_refusal() {
        let kept = Remembered::new(print("because"), at(0), Some(AuditSeq::new(7)));
        let call = |key, print| by(5, key).call(print, Some(kept.clone()));
        assert_eq!(call(Some("k"), print("because")), Call::Again(kept.clone()));
        assert!(
            matches!(call(Some("k"), print("why not")), Call::Reused(KeyReused { at: first, .. }) if first == at(0))
        );
        assert_eq!(call(None, print("because")), Call::New, "without a key nothing is the same");
        assert_eq!(by(5, Some("k")).call(print("because"), None), Call::New);
    }

    #[test]
    fn a_key_is_new_again_after_its_time() {
        let kept = || Some(Remembered::new(print("because"), at(0), None));
        let day = 24 * 60 * 60;
        assert!(matches!(by(day, Some("k")).call(print("because"), kept()), Call::Again(_)));
        assert_eq!(by(day + 1, Some("k")).call(print("because"), kept()), Call::New);
    }
}
