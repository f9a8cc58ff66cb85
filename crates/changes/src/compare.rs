//! The difference of two states.

use std::collections::{BTreeMap, HashMap};

use flightdeck_domain::changes::{
    ChangeList, ChangeReport, ChangedFile, DiffLine, DiffOp, FileDiff, FileKind, FilePath, FileStatus, Hunk,
    ReportedFile,
};

use crate::git::{Git, GitError, words};
use crate::keeper::Limits;
use crate::listing::{Count, Entry, Side, entries_and_counts, raw_entries};
use crate::patch;
use crate::snapshot::{Heavy, Snapshot};

/// The most bytes of a patch that are looked at.
const PATCH_BYTES: usize = 2 << 20;
/// So many files of a report have their lines, at most: each takes a run of git.
const REPORTED: usize = 200;

/// A file that differs, and the objects that it was and is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    file: ChangedFile,
    old: Option<String>,
    new: Option<String>,
    /// The commits of a submodule.
    commits: (Option<String>, Option<String>),
}

/// All files that differ, by path.
pub(crate) fn all(git: &Git, old: &Snapshot, new: &Snapshot, limits: &Limits) -> Result<Vec<Found>, GitError> {
    let mut found = in_trees(git, old, new, limits)?;
    let (before, now) = (by_path(&old.heavy), by_path(&new.heavy));
    let paths = before.keys().chain(now.keys());
    let differ: Vec<&str> = paths.copied().filter(|path| before.get(path) != now.get(path)).collect();
    for text in differ {
        let Ok(path) = text.parse::<FilePath>() else { continue };
        let (was, is) = (before.contains_key(text), now.get(text).copied());
        // One side may be in the trees.
        let status = match (found.get(&path).map(|found| found.file.status), was, is) {
            (Some(FileStatus::Deleted), _, Some(_)) | (Some(FileStatus::Added), true, _) | (None, true, Some(_)) => {
                FileStatus::Modified
            }
            (_, _, None) => FileStatus::Deleted,
            (_, false, Some(_)) => FileStatus::Added,
            (Some(status), true, Some(_)) => status,
        };
        let file = ChangedFile {
            path: path.clone(),
            from: None,
            status,
            kind: FileKind::NotKept,
            added: None,
            removed: None,
            executable: None,
            size: is.map(|heavy| heavy.size),
        };
        found.insert(path, Found { file, old: None, new: None, commits: (None, None) });
    }
    Ok(found.into_values().collect())
}

fn by_path(heavy: &[Heavy]) -> BTreeMap<&str, &Heavy> {
    heavy.iter().map(|heavy| (heavy.path.as_str(), heavy)).collect()
}

fn in_trees(git: &Git, old: &Snapshot, new: &Snapshot, limits: &Limits) -> Result<BTreeMap<FilePath, Found>, GitError> {
    let (old, new) = (old.tree.as_str(), new.tree.as_str());
    if old == new {
        return Ok(BTreeMap::new());
    }
    let plain = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new];
    let plain = git.whole(&words(plain), &[], limits.list_bytes)?;
    let entries = raw_entries(&plain);
    if entries.len() > limits.counted {
        let of_entry = |entry: &Entry<'_>| found(entry, None, true);
        return Ok(entries.iter().filter_map(of_entry).collect());
    }
    let counted = [
        "diff-tree",
        "-r",
        "-z",
        "-M",
        "-l1000",
        "--raw",
        "--numstat",
        "--no-abbrev",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules=none",
        old,
        new,
    ];
    let counted = git.whole(&words(counted), &[], limits.list_bytes)?;
    let (entries, counts): (_, HashMap<&[u8], Count>) = entries_and_counts(&counted);
    let of_entry = |entry: &Entry<'_>| found(entry, counts.get(entry.path).copied().flatten(), false);
    Ok(entries.iter().filter_map(of_entry).collect())
}

fn found(entry: &Entry<'_>, count: Count, is_unread: bool) -> Option<(FilePath, Found)> {
    let path = FilePath::new(entry.path.to_vec()).ok()?;
    let from = entry.from.map(|from| FilePath::new(from.to_vec())).transpose().ok()?;
    let status = match entry.status {
        b'A' => FileStatus::Added,
        b'D' => FileStatus::Deleted,
        b'R' | b'C' => FileStatus::Renamed,
        b'T' => FileStatus::Retyped,
        _ => FileStatus::Modified,
    };
    let last = if entry.new.is_none() { entry.old } else { entry.new };
    let is_submodule = [entry.old.mode, entry.new.mode].contains(&Side::SUBMODULE);
    let kind = match (is_submodule, last.mode, count) {
        (true, ..) => FileKind::Submodule,
        (_, Side::LINK, _) => FileKind::Link,
        _ if is_unread => FileKind::NotRead,
        (_, _, None) => FileKind::Binary,
        (_, _, Some(_)) => FileKind::Text,
    };
    let runs = |side: Side<'_>| side.mode == "100755";
    let executable = match status {
        FileStatus::Added => runs(entry.new).then_some(true),
        FileStatus::Deleted => None,
        _ => (runs(entry.old) != runs(entry.new)).then(|| runs(entry.new)),
    };
    let count = count.filter(|_| !is_submodule);
    let file = ChangedFile {
        path: path.clone(),
        from,
        status,
        kind,
        added: count.map(|(added, _)| added),
        removed: count.map(|(_, removed)| removed),
        executable,
        size: None,
    };
    let commit = |side: Side<'_>| (side.mode == Side::SUBMODULE).then(|| side.id().to_owned());
    let object = |side: Side<'_>| side.object().map(str::to_owned);
    let (old, new) = (entry.old, entry.new);
    Some((path, Found { file, old: object(old), new: object(new), commits: (commit(old), commit(new)) }))
}

/// The first files, with the sums of all.
pub(crate) fn listed(found: Vec<Found>, limits: &Limits) -> ChangeList {
    let sum = |count: fn(&ChangedFile) -> Option<u64>| {
        found.iter().filter_map(|found| count(&found.file)).fold(0_u64, u64::saturating_add)
    };
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let files = found.into_iter().take(limits.listed).map(|found| found.file).collect();
    ChangeList { files, total, added, removed }
}

/// What changed in one of the files.
pub(crate) fn diff(git: &Git, found: Vec<Found>, path: &FilePath) -> Result<Option<FileDiff>, GitError> {
    let found = found.into_iter().find(|found| found.file.path == *path);
    found.map(|found| diff_of(git, found)).transpose()
}

/// The first files with their lines, as far as a report has room and git has time.
pub(crate) fn reported(git: &Git, found: Vec<Found>) -> Vec<ReportedFile> {
    let mut room = ChangeReport::MAX_BYTES;
    let one = |(place, found): (usize, Found)| {
        let file = found.file.clone();
        let diff = if room > 0 && place < REPORTED { diff_of(git, found).ok() } else { None };
        let Some(FileDiff { file, hunks, truncated }) = diff else {
            return ReportedFile { file, hunks: None, truncated: false };
        };
        let bytes = hunks.iter().flat_map(|hunk| &hunk.lines).map(|line| line.text.len()).sum();
        room = room.saturating_sub(bytes);
        ReportedFile { file, hunks: Some(hunks), truncated }
    };
    found.into_iter().take(ChangeReport::MAX_FILES).enumerate().map(one).collect()
}

fn diff_of(git: &Git, found: Found) -> Result<FileDiff, GitError> {
    let Found { file, old, new, commits } = found;
    if file.kind == FileKind::Submodule {
        return Ok(FileDiff { hunks: commits_as_hunk(commits), file, truncated: false });
    }
    if matches!(file.kind, FileKind::NotKept | FileKind::Binary) || old == new {
        return Ok(FileDiff { file, hunks: Vec::new(), truncated: false });
    }
    // Nothing, where there is no file.
    let nothing = match (&old, &new) {
        (Some(_), Some(_)) => String::new(),
        _ => git.line(&words(["hash-object", "--stdin"]), &[])?,
    };
    let (old, new) = (old.as_ref().unwrap_or(&nothing), new.as_ref().unwrap_or(&nothing));
    let arguments =
        ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--diff-algorithm=histogram", "-U3", old, new];
    let output = git.run(&words(arguments), &[], PATCH_BYTES)?;
    let read = patch::read(&output.bytes, output.is_cut);
    // Of a file that was not looked into before.
    let kind = match file.kind {
        FileKind::NotRead if read.hunks.is_empty() => FileKind::Binary,
        FileKind::NotRead => FileKind::Text,
        kind => kind,
    };
    let file = ChangedFile { kind, ..file };
    Ok(FileDiff { file, hunks: read.hunks, truncated: read.is_cut })
}

fn commits_as_hunk((old, new): (Option<String>, Option<String>)) -> Vec<Hunk> {
    let line = |op: DiffOp, commit: Option<String>| {
        commit.map(|commit| DiffLine { op, old: None, new: None, text: format!("commit {commit}") })
    };
    let lines = line(DiffOp::Removed, old).into_iter().chain(line(DiffOp::Added, new)).collect();
    vec![Hunk { heading: String::new(), lines }]
}
