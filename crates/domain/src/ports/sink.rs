//! Sinks, their delivery, and their dead letters.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::sink::{
    DeadLetter, LettersChange, Settling, Sink, SinkChange, SinkName, SinkRefused, SinkResealing, Taking,
};

/// Why a sink was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SinkChangeError {
    /// A rule forbids it. The refusal is on the audit log.
    #[error(transparent)]
    Refused(#[from] SinkRefused),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Dead letters of one sink, by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterQuery {
    /// The sink.
    pub sink: SinkName,
    /// Only those that wait to be sent again.
    pub again: bool,
    /// Those after this place; from the first when missing.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Keeps sinks.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SinkRepository: Send + Sync {
    /// One sink, or `None`.
    async fn sink(&self, name: SinkName) -> Result<Option<Sink>, StoreUnavailable>;

    /// All sinks, by name, in the order of the bytes. There are few.
    async fn sinks(&self) -> Result<Vec<Sink>, StoreUnavailable>;

    /// Makes, changes or removes a sink under the rules of [`SinkChange::decide`], with the sink locked. The change and
    /// the audit entry are written in one transaction; a refusal writes only its audit entry. With the sink its dead
    /// letters go. Gives the sink after the change, or as it was before its removal.
    async fn change_sink(&self, change: SinkChange) -> Result<Sink, SinkChangeError>;

    /// Replaces sealed credentials by the same ones, sealed with another key, under the rule of
    /// [`SinkResealing::decide`], with the audit entry in the same transaction. `false`: the sink was changed in the
    /// meantime, and nothing was written.
    async fn reseal_sink(&self, resealing: SinkResealing) -> Result<bool, StoreUnavailable>;

    /// Takes the lease of a sink under the rule of [`Taking::decide`]. `None`: another replica sends, or the sink is
    /// disabled or gone, and nothing was written.
    async fn take_sink(&self, taking: Taking) -> Result<Option<Sink>, StoreUnavailable>;

    /// Writes what has become of a message under the rule of [`Settling::decide`]: the cursor, and the dead letter of a
    /// message that is given up, in one transaction. `None`: another replica has taken the lease, or the sink is gone,
    /// and nothing was written.
    async fn settle_sink(&self, settling: Settling) -> Result<Option<Sink>, StoreUnavailable>;

    /// Dead letters of a sink, by place.
    async fn dead_letters(&self, query: LetterQuery) -> Result<Vec<DeadLetter>, StoreUnavailable>;

    /// How many dead letters each sink has that has some, by name.
    async fn count_dead_letters(&self) -> Result<Vec<(SinkName, u64)>, StoreUnavailable>;

    /// Marks dead letters to be sent again, with the audit entry in the same transaction, under the rule of
    /// [`LettersChange::decide`]. Gives their number.
    async fn resend_letters(&self, change: LettersChange) -> Result<u64, SinkChangeError>;
}
