//! What an agent changed.

use chrono::{DateTime, Utc};
use flightdeck_domain::changes::{
    ChangeList, ChangedFile, Compared, DiffLine, DiffOp, FileDiff, FileKind, FileStatus, Hunk, KeptTurn,
};
use flightdeck_domain::time::Timestamp;
use flightdeck_render::{Line, Op};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a file.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ChangedStatus {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or its mode is another.
    Modified,
    /// It has another name, and perhaps another content.
    Renamed,
    /// It is of another type.
    Retyped,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ChangedKind {
    /// Lines of text.
    Text,
    /// Other bytes.
    Binary,
    /// A symbolic link; its text is where it leads.
    Link,
    /// Another repository; only its commit is compared.
    Submodule,
    /// More than is kept: only its size and time are compared.
    NotKept,
    /// Not looked into, because too many files were changed. Ask for the file.
    NotRead,
}

/// A file that was changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangedFileView {
    /// Its path below the top of the repository; a backslash is written twice, and a byte that is not UTF-8 as `\\xNN`.
    path: String,
    /// The path before, of a file that was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    from: Option<String>,
    /// What became of it.
    status: ChangedStatus,
    /// What it holds.
    kind: ChangedKind,
    /// How many lines were added, if they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    added: Option<u64>,
    /// How many lines were removed, if they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    removed: Option<u64>,
    /// Whether it is a program now, if that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    executable: Option<bool>,
    /// How many bytes it has, of one that is `notKept`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    size: Option<u64>,
}

impl From<&ChangedFile> for ChangedFileView {
    fn from(file: &ChangedFile) -> Self {
        let status = match file.status {
            FileStatus::Added => ChangedStatus::Added,
            FileStatus::Deleted => ChangedStatus::Deleted,
            FileStatus::Modified => ChangedStatus::Modified,
            FileStatus::Renamed => ChangedStatus::Renamed,
            FileStatus::Retyped => ChangedStatus::Retyped,
        };
        let kind = match file.kind {
            FileKind::Text => ChangedKind::Text,
            FileKind::Binary => ChangedKind::Binary,
            FileKind::Link => ChangedKind::Link,
            FileKind::Submodule => ChangedKind::Submodule,
            FileKind::NotKept => ChangedKind::NotKept,
            FileKind::NotRead => ChangedKind::NotRead,
        };
        Self {
            path: file.path.to_string(),
            from: file.from.as_ref().map(ToString::to_string),
            status,
            kind,
            added: file.added,
            removed: file.removed,
            executable: file.executable,
            size: file.size,
        }
    }
}

/// Lines that follow each other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HunkView {
    /// What the lines are in, as far as it is known.
    heading: String,
    /// The lines.
    lines: Vec<Line>,
}

impl From<&Hunk> for HunkView {
    fn from(hunk: &Hunk) -> Self {
        Self { heading: hunk.heading.clone(), lines: hunk.lines.iter().map(line).collect() }
    }
}

fn line(line: &DiffLine) -> Line {
    let op = match line.op {
        DiffOp::Same => Op::Same,
        DiffOp::Removed => Op::Removed,
        DiffOp::Added => Op::Added,
        DiffOp::About => Op::About,
    };
    Line { op, old: line.old, new: line.new, text: line.text.clone() }
}

/// A turn of the agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptTurnView {
    /// Its number, counted from 1.
    number: u32,
    /// When it began.
    began_at: DateTime<Utc>,
    /// When it ended; missing while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = DateTime<Utc>, required = false)]
    ended_at: Option<DateTime<Utc>>,
}

/// What an agent changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangesView {
    /// The top folder of the repository.
    folder: String,
    /// The commit that the folder was at when the agent began; missing in a repository without commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    commit: Option<String>,
    /// The branch that it was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    branch: Option<String>,
    /// The turns of which states are kept.
    turns: Vec<KeptTurnView>,
    /// The turn that the answer is about; missing for the whole session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, required = false)]
    turn: Option<u32>,
    /// When the earlier state was looked at.
    from_at: DateTime<Utc>,
    /// When the later state was looked at.
    to_at: DateTime<Utc>,
    /// Whether the later state is that of the folder now, and not one that is kept.
    is_now: bool,
    /// The files, by path.
    files: Vec<ChangedFileView>,
    /// How many files were changed.
    total: u64,
    /// How many lines were added in all of them, as far as they were counted.
    added: u64,
    /// How many lines were removed.
    removed: u64,
    /// The lines of the file that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<HunkView>, required = false)]
    hunks: Option<Vec<HunkView>>,
    /// Whether files, lines or ends of lines are missing.
    truncated: bool,
}

impl ChangesView {
    /// The list of all files.
    pub(crate) fn of_list(turn: Option<u32>, compared: &Compared<ChangeList>) -> Self {
        let list = &compared.found;
        Self {
            files: list.files.iter().map(Into::into).collect(),
            total: list.total,
            added: list.added,
            removed: list.removed,
            truncated: compared.is_truncated(),
            ..Self::frame(turn, compared)
        }
    }

    /// One file with its lines.
    pub(crate) fn of_file(turn: Option<u32>, compared: &Compared<FileDiff>) -> Self {
        let FileDiff { file, hunks, .. } = &compared.found;
        Self {
            files: vec![file.into()],
            total: 1,
            added: file.added.unwrap_or_default(),
            removed: file.removed.unwrap_or_default(),
            hunks: Some(hunks.iter().map(Into::into).collect()),
            truncated: compared.is_truncated(),
            ..Self::frame(turn, compared)
        }
    }

    fn frame<T>(turn: Option<u32>, compared: &Compared<T>) -> Self {
        let kept = &compared.kept;
        let of_turn = |turn: &KeptTurn| KeptTurnView {
            number: turn.number,
            began_at: turn.began_at.as_datetime(),
            ended_at: turn.ended_at.as_ref().map(Timestamp::as_datetime),
        };
        Self {
            folder: kept.folder.clone(),
            commit: kept.commit.clone(),
            branch: kept.branch.clone(),
            turns: kept.turns.iter().map(of_turn).collect(),
            turn,
            from_at: compared.from_at.as_datetime(),
            to_at: compared.to_at.as_datetime(),
            is_now: compared.is_now,
            files: Vec::new(),
            total: 0,
            added: 0,
            removed: 0,
            hunks: None,
            truncated: false,
        }
    }
}
