//! A file that was changed.

use serde::{Deserialize, Serialize};

use super::FilePath;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileStatus {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or its mode is another.
    Modified,
    /// It has another name, and perhaps another content.
    Renamed,
    /// It is of another type: a link in place of a file, for example.
    Retyped,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// Lines of text.
    Text,
    /// Other bytes.
    Binary,
    /// A symbolic link; its text is where it leads.
    Link,
    /// Another repository; only the commit that it is at is compared.
    Submodule,
    /// More than is kept, or nothing that could be read: only its size and time are compared.
    NotKept,
    /// Not looked into, because too many files have changed.
    NotRead,
}

/// A file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Its path; the last one, if it is gone.
    pub path: FilePath,
    /// The path that it had before, if it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<FilePath>,
    /// What became of it.
    pub status: FileStatus,
    /// What it holds.
    pub kind: FileKind,
    /// How many lines were added, if it has lines that were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// How many lines were removed, if it has lines that were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
    /// Whether it can be run as a program, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
    /// How many bytes it has now, if it is [`FileKind::NotKept`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DiffOp {
    /// It is in both.
    Same,
    /// It is gone.
    Removed,
    /// It is new.
    Added,
    /// It says something about the line before.
    About,
}

/// A line of a diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// What became of it.
    pub op: DiffOp,
    /// Its number before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<u64>,
    /// Its number now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
    /// Its text. It comes from the agent, so a reader must not trust it.
    pub text: String,
}

/// Lines that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// What the lines are in, as far as it is known: a function, a heading.
    pub heading: String,
    /// The lines.
    pub lines: Vec<DiffLine>,
}

impl Hunk {
    /// The most characters of a line, and of a heading. What is longer is cut.
    pub const MAX_CHARS: usize = 2_000;
    /// The most bytes that git gives of a heading.
    pub const HEADING: usize = 80;

    /// Replaces the texts of hunks. `clean` is told whether the end of a text may be missing; `truncated` says that of the last
    /// line.
    pub fn rewrite(hunks: &mut [Self], truncated: bool, clean: impl Fn(&str, bool) -> String) {
        for hunk in &mut *hunks {
            hunk.heading = clean(&hunk.heading, hunk.heading.len() >= Self::HEADING);
            for line in &mut hunk.lines {
                line.text = clean(&line.text, line.text.chars().count() >= Self::MAX_CHARS);
            }
        }
        if truncated && let Some(last) = hunks.last_mut().and_then(|hunk| hunk.lines.last_mut()) {
            last.text = clean(&last.text, true);
        }
    }
}

/// What changed in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// The file.
    pub file: ChangedFile,
    /// The lines that have changed, with some around them. None of a file without lines.
    pub hunks: Vec<Hunk>,
    /// Whether lines, or ends of lines, are missing.
    pub truncated: bool,
}
