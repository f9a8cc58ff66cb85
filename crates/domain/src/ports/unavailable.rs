//! A port that cannot do its work.

/// A port could not do its work: the database is not reachable, a disk is full, a stored value is broken. Nothing was
/// written.
///
/// The caller can only try again later; the cause is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available")]
pub struct StoreUnavailable {
    hindrance: Hindrance,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What prevents a store from working, as far as an operator can act on it without the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hindrance {
    /// There is no space left.
    DiskFull,
    /// The database does not accept writes: it is a standby, or the files are read-only for this user.
    ReadOnly,
    /// The archive, where what is asked for is, cannot be reached.
    Archive,
    /// Something else; the cause says what.
    #[default]
    Other,
}

impl StoreUnavailable {
    /// Wraps the cause.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { hindrance: Hindrance::Other, cause: cause.into() }
    }

    /// The same with a known hindrance.
    #[must_use]
    pub fn hindered(self, hindrance: Hindrance) -> Self {
        Self { hindrance, ..self }
    }

    /// What prevents the store from working.
    #[must_use]
    pub const fn hindrance(&self) -> Hindrance {
        self.hindrance
    }
}
