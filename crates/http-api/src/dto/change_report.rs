//! What an agent changed, as whoever sees its folder tells it.

use flightdeck_domain::changes::{
    ChangeReport, ChangedFile, DiffLine, DiffOp, FileKind, FilePath, FileStatus, Hunk, KeptTurn, ReportedFile,
};
use flightdeck_domain::number::whole;
use flightdeck_domain::time::Timestamp;
use flightdeck_render::Op;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::changes::{ChangedKind, ChangedStatus};
use super::texts;
use crate::problem::ApiError;

/// The greatest number of anything: readers of JSON that have floating-point numbers alone know no greater one exactly.
const MOST: u64 = (1 << 53) - 1;

fn count<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    match whole(value)? {
        Some(number) if number > MOST => Err(D::Error::custom(format!("{number} is more than {MOST}"))),
        number => Ok(number),
    }
}

/// What an agent changed, told by whoever sees its folder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "folder": "/home/ann/work",
    "commit": "6f1ed002ab5595859014ebf0951522d9",
    "fromAt": "2026-01-31T12:00:00Z",
    "toAt": "2026-01-31T12:05:00Z",
    "files": [{"path": "src/main.rs", "status": "modified", "added": 1, "removed": 0,
        "hunks": [{"heading": "fn main() {", "lines": [{"op": "added", "new": 2, "text": "    let total = 6;"}]}]}]
}))]
pub(crate) struct ChangeReportBody {
    /// The top folder of the repository, on the machine of the agent.
    #[schema(min_length = 1, max_length = 4_096)]
    folder: String,
    /// The commit that the folder was at when the agent began.
    #[schema(min_length = 1, max_length = 4_096)]
    commit: Option<String>,
    /// The branch that it was on.
    #[schema(min_length = 1, max_length = 4_096)]
    branch: Option<String>,
    /// The turns so far, in their order; of more than 1000 the last ones.
    #[serde(default)]
    #[schema(max_items = 1_000)]
    turns: Vec<ReportedTurnBody>,
    /// When the earlier state was looked at.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    from_at: Timestamp,
    /// When the later state was looked at.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    to_at: Timestamp,
    /// The first of the files, by path; each once.
    #[schema(max_items = 2_000)]
    files: Vec<ReportedFileBody>,
    /// How many files were changed; as many as are listed when missing.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    total: Option<u64>,
    /// How many lines were added; those of the files that are listed when missing.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    added: Option<u64>,
    /// How many lines were removed; those of the files that are listed when missing.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    removed: Option<u64>,
}

/// A turn of the agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReportedTurnBody {
    /// Its number, counted from 1.
    #[serde(deserialize_with = "whole")]
    #[schema(value_type = u32, minimum = 1, maximum = 4_294_967_295_i64)]
    number: Option<u64>,
    /// When it began.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    began_at: Timestamp,
    /// When it ended; missing while it goes on.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    ended_at: Option<Timestamp>,
}

/// A file that was changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReportedFileBody {
    /// Its path below the top of the repository; a backslash is written twice, and a byte that is not UTF-8 as `\\xNN`.
    #[schema(value_type = texts::ChangedPath)]
    path: FilePath,
    /// The path before, of a file that was renamed.
    #[schema(value_type = Option<texts::ChangedPath>)]
    from: Option<FilePath>,
    /// What became of it.
    #[schema(value_type = ChangedStatus)]
    status: FileStatus,
    /// What it holds; `text` when missing.
    #[serde(default)]
    #[schema(value_type = ChangedKind, required = false)]
    kind: Option<FileKind>,
    /// How many lines were added, if they were counted.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    added: Option<u64>,
    /// How many lines were removed, if they were counted.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    removed: Option<u64>,
    /// Whether it is a program now, if that has changed.
    executable: Option<bool>,
    /// How many bytes it has, of one that is `notKept`.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    size: Option<u64>,
    /// The lines that have changed, with some around them. Missing: the report has no room for them.
    hunks: Option<Vec<ReportedHunkBody>>,
    /// Whether lines, or ends of lines, are missing.
    #[serde(default)]
    truncated: bool,
}

/// Lines that follow each other.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportedHunkBody {
    /// What the lines are in, as far as it is known.
    #[serde(default)]
    heading: String,
    /// The lines.
    lines: Vec<ReportedLineBody>,
}

/// A line of a diff.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportedLineBody {
    /// What became of it.
    #[schema(value_type = Op)]
    op: DiffOp,
    /// Its number before.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    old: Option<u64>,
    /// Its number now.
    #[serde(default, deserialize_with = "count")]
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    new: Option<u64>,
    /// Its words, without the sign and the end of the line.
    text: String,
}

impl TryFrom<ChangeReportBody> for ChangeReport {
    type Error = ApiError;

    fn try_from(body: ChangeReportBody) -> Result<Self, ApiError> {
        let ChangeReportBody { folder, commit, branch, turns, from_at, to_at, files, total, added, removed } = body;
        let turns = turns.into_iter().enumerate().map(turn).collect::<Result<_, _>>()?;
        let files: Vec<ReportedFile> = files.into_iter().map(Into::into).collect();
        let sum = |count: fn(&ChangedFile) -> Option<u64>| {
            files.iter().filter_map(|file| count(&file.file)).fold(0_u64, u64::saturating_add)
        };
        Ok(Self {
            folder,
            commit,
            branch,
            turns,
            from_at,
            to_at,
            total: total.unwrap_or_else(|| u64::try_from(files.len()).unwrap_or(u64::MAX)),
            added: added.unwrap_or_else(|| sum(|file| file.added)),
            removed: removed.unwrap_or_else(|| sum(|file| file.removed)),
            files,
        })
    }
}

fn turn((place, body): (usize, ReportedTurnBody)) -> Result<KeptTurn, ApiError> {
    let number = body.number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let Some(number) = number else {
        let detail = format!("is not a whole number from 1 to {}", u32::MAX);
        return Err(ApiError::field(format!("/turns/{place}/number"), detail));
    };
    Ok(KeptTurn { number, began_at: body.began_at, ended_at: body.ended_at })
}

impl From<ReportedFileBody> for ReportedFile {
    fn from(body: ReportedFileBody) -> Self {
        let ReportedFileBody { path, from, status, kind, added, removed, executable, size, hunks, truncated } = body;
        let kind = kind.unwrap_or(FileKind::Text);
        let file = ChangedFile { path, from, status, kind, added, removed, executable, size };
        let line = |ReportedLineBody { op, old, new, text }| DiffLine { op, old, new, text };
        let hunk = |ReportedHunkBody { heading, lines }| Hunk { heading, lines: lines.into_iter().map(line).collect() };
        Self { file, hunks: hunks.map(|hunks| hunks.into_iter().map(hunk).collect()), truncated }
    }
}
