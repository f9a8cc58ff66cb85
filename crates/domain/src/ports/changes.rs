//! What agents changed in their folders.

use async_trait::async_trait;

use crate::changes::{ChangeList, ChangeReport, Compared, FileDiff, FilePath, Moment, Stretch, Unkept, WorkFolder};
use crate::ids::SessionId;

/// Why changes cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// Nothing is known of the session here.
    #[error("nothing is kept of session {0}")]
    UnknownSession(SessionId),
    /// Nothing could be kept of the session.
    #[error(transparent)]
    Unkept(#[from] Unkept),
    /// The session had fewer turns.
    #[error("there is no turn {turn}; the session had {turns}")]
    UnknownTurn {
        /// The turn that was asked for.
        turn: u32,
        /// How many there were.
        turns: usize,
    },
    /// The file was not changed.
    #[error("{0} was not changed")]
    UnknownFile(FilePath),
    /// The file was changed, and how is not told.
    #[error("the lines of {0} are not here: the report from the machine of the agent has no room for them")]
    Unreported(FilePath),
    /// The folder, or what is kept, cannot be read now. The sentence says why.
    #[error("{0}")]
    Unreadable(String),
}

/// Keeps states of the folders that agents work in, and compares them.
///
/// # What every implementation promises
/// - **The folder is only read.** Neither its files nor anything of its repository changes, and nothing that lies in
///   them is run, whatever the configuration of the repository names.
/// - **A kept state stays.** It can be compared after a restart, and when the folder or its repository is gone.
/// - **All of it is bounded**, in time, in bytes and in files. What is left out is said to be.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Changes: Send + Sync {
    /// Keeps the state of a folder in which the agent of a session is about to begin. The second call for a session
    /// changes nothing.
    ///
    /// # Errors
    /// Nothing can be kept of the session. The reason is kept.
    async fn begin(&self, session: SessionId, folder: WorkFolder) -> Result<(), Unkept>;

    /// Keeps the state of the folder now. Nothing happens if nothing is kept of the session, or if it has ended. A state
    /// that cannot be read is left out.
    async fn keep(&self, session: SessionId, moment: Moment);

    /// The files that were changed in a part of a session. Before the session has ended, or the turn that is asked
    /// for, the later state is that of the folder now.
    ///
    /// # Errors
    /// Nothing is kept, there is no such turn, or the states cannot be read.
    async fn list(&self, session: SessionId, stretch: Stretch) -> Result<Compared<ChangeList>, ChangesError>;

    /// What was changed in a file.
    ///
    /// # Errors
    /// The same, or the file was not changed.
    async fn file(
        &self,
        session: SessionId,
        stretch: Stretch,
        path: FilePath,
    ) -> Result<Compared<FileDiff>, ChangesError>;

    /// What was changed in a part of a session, for those who do not see what is kept: the files with their lines, as far as
    /// a report has room. The later state is the last one that is kept.
    ///
    /// # Errors
    /// Nothing is kept, there is no such turn, or the states cannot be read.
    async fn report(&self, session: SessionId, stretch: Stretch) -> Result<ChangeReport, ChangesError>;

    /// At most `limit` sessions of which something is kept here, those behind a place, by their ids.
    ///
    /// # Errors
    /// What is kept cannot be listed: why.
    async fn kept(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<SessionId>, ChangesError>;

    /// Removes all that is kept of a session. Nothing happens if nothing is kept.
    ///
    /// # Errors
    /// It could not be removed: why.
    async fn forget(&self, session: SessionId) -> Result<(), ChangesError>;
}
