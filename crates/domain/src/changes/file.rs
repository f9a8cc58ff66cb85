//! A file that was changed.

use super::FilePath;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path; the last one, if it is gone.
    pub path: FilePath,
    /// The path that it had before, if it was renamed.
    pub from: Option<FilePath>,
    /// What became of it.
    pub status: FileStatus,
    /// What it holds.
    pub kind: FileKind,
    /// How many lines were added, if it has lines that were counted.
    pub added: Option<u64>,
    /// How many lines were removed, if it has lines that were counted.
    pub removed: Option<u64>,
    /// Whether it can be run as a program, if that has changed.
    pub executable: Option<bool>,
    /// How many bytes it has now, if it is [`FileKind::NotKept`].
    pub size: Option<u64>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What became of it.
    pub op: DiffOp,
    /// Its number before.
    pub old: Option<u64>,
    /// Its number now.
    pub new: Option<u64>,
    /// Its text. It comes from the agent, so a reader must not trust it.
    pub text: String,
}

/// Lines that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// What the lines are in, as far as it is known: a function, a heading.
    pub heading: String,
    /// The lines.
    pub lines: Vec<DiffLine>,
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
