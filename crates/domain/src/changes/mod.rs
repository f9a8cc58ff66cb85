//! What an agent changed in the folder that it works in.
//!
//! The state of the folder is kept when the agent begins, when each of its turns begins and ends, and when it ends
//! ([`Moment`]). A [`Stretch`] of the session is the difference between two of these states. What was changed in the
//! folder before the agent began is in both, so it is not the agent's.
//!
//! Where the folder is on another machine, whoever sees it tells what has changed in a [`ChangeReport`].

mod file;
mod kept;
mod path;
mod report;

pub use file::{ChangedFile, DiffLine, DiffOp, FileDiff, FileKind, FileStatus, Hunk};
pub use kept::{ChangeList, Compared, KeptChanges, KeptTurn, Moment, Stretch, Unkept, WorkFolder};
pub use path::{FilePath, InvalidFilePath};
pub use report::{ChangeReport, InvalidReport, ReportedFile};
