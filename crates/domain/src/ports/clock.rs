//! Time and ids. Nothing else in the domain may read a clock or a random source.

use uuid::Uuid;

use crate::ids::{MessageId, SessionId};
use crate::time::Timestamp;

/// Gives the time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Makes ids and secrets.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// Gives a new UUID, never the same one twice.
    fn uuid(&self) -> Uuid;

    /// Gives 256 bits that nobody can guess.
    fn random_bytes(&self) -> [u8; 32];

    /// A new session id.
    fn session_id(&self) -> SessionId {
        SessionId::new(self.uuid())
    }

    /// A new message id.
    fn message_id(&self) -> MessageId {
        MessageId::new(self.uuid())
    }
}
