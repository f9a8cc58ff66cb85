//! The machine's own clock and random source: the one place that reads them.

use chrono::Utc;
use uuid::Uuid;

use crate::ports::{Clock, IdGenerator};
use crate::time::Timestamp;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that the rule points to")]
    fn now(&self) -> Timestamp {
        Timestamp::new(Utc::now())
    }
}

/// Ids from a generator that the operating system seeds, and seeds anew as it goes: a call of the system for each id would be
/// a twentieth of what a message in a batch costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that the rule points to")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// Takes SHA-256 of three random UUIDs, which hold 366 random bits. The generator is one for secrets.
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that the rule points to")]
    fn random_bytes(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for _ in 0..3 {
            hash.update(Uuid::new_v4().as_bytes());
        }
        hash.finalize().into()
    }
}
