//! The states of a folder that are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ChangedFile, FileDiff};
use crate::time::Timestamp;

/// A folder that an agent begins to work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkFolder {
    /// The folder, absolute.
    pub path: PathBuf,
    /// The highest folder in which its repository is looked for; none for no limit.
    pub ceiling: Option<PathBuf>,
}

/// When the state of a folder is kept, besides the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A turn begins.
    TurnBegins,
    /// A turn has ended.
    TurnEnds,
    /// The agent has ended; nothing is kept any more.
    End,
}

/// A part of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stretch {
    /// From the beginning to the end, or to now.
    #[default]
    Whole,
    /// One turn, counted from 1.
    Turn(u32),
}

/// Why nothing is kept, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unkept(pub String);

/// A turn of which states are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptTurn {
    /// Its number, counted from 1.
    pub number: u32,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// What is kept of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptChanges {
    /// The top folder of the repository.
    pub folder: String,
    /// The commit that the folder was at when the agent began; none in a repository without commits.
    pub commit: Option<String>,
    /// The branch that it was on.
    pub branch: Option<String>,
    /// The turns, in their order.
    pub turns: Vec<KeptTurn>,
}

/// Two states that were compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared<T> {
    /// What is kept.
    pub kept: KeptChanges,
    /// When the earlier state was looked at.
    pub from_at: Timestamp,
    /// When the later state was looked at.
    pub to_at: Timestamp,
    /// Whether the later state is that of the folder now, and not one that is kept.
    pub is_now: bool,
    /// The difference.
    pub found: T,
}

/// The files that were changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeList {
    /// The first of them, by path.
    pub files: Vec<ChangedFile>,
    /// How many there are.
    pub total: u64,
    /// How many lines were added in all of them, as far as they were counted.
    pub added: u64,
    /// How many lines were removed.
    pub removed: u64,
}

impl Compared<ChangeList> {
    /// Whether files are missing.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        u64::try_from(self.found.files.len()).is_ok_and(|given| given < self.found.total)
    }
}

impl Compared<FileDiff> {
    /// Whether lines are missing.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.found.truncated
    }
}
