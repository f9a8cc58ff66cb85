//! What an agent changed: `GET /agents/{id}/changes`.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// What an agent changed in its folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Changes {
    /// The top folder of its repository.
    pub folder: String,
    /// The commit that the folder was at when the agent began.
    pub commit: Option<String>,
    /// The branch that it was on.
    pub branch: Option<String>,
    /// Its turns.
    pub turns: Vec<ChangedTurn>,
    /// When the later state was looked at.
    pub to_at: Option<DateTime<Utc>>,
    /// Whether the later state is that of the folder now.
    pub is_now: bool,
    /// The files that were changed, by path.
    pub files: Vec<ChangedFile>,
    /// How many there are.
    pub total: u64,
    /// How many lines were added in all of them.
    pub added: u64,
    /// How many lines were removed.
    pub removed: u64,
    /// The lines of the one file that was asked for.
    pub hunks: Option<Vec<Hunk>>,
    /// Whether files, lines or ends of lines are missing.
    pub truncated: bool,
}

/// A turn of an agent.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChangedTurn {
    /// Its number, counted from 1.
    pub number: u32,
}

/// A file that was changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChangedFile {
    /// Its path.
    pub path: String,
    /// The path before, of a file that was renamed.
    pub from: Option<String>,
    /// `added`, `deleted`, `modified`, `renamed` or `retyped`.
    pub status: String,
    /// `text`, `binary`, `link`, `submodule`, `notKept` or `notRead`.
    pub kind: String,
    /// How many lines were added, if they were counted.
    pub added: Option<u64>,
    /// How many lines were removed, if they were counted.
    pub removed: Option<u64>,
}

/// Lines that follow each other.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Hunk {
    /// What they are in.
    pub heading: String,
    /// The lines.
    pub lines: Vec<ChangedLine>,
}

/// A line of a diff.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChangedLine {
    /// `same`, `removed`, `added` or `about`.
    pub op: String,
    /// Its number before.
    pub old: Option<u64>,
    /// Its number now.
    pub new: Option<u64>,
    /// Its text.
    pub text: String,
}
