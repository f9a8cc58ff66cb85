//! What an agent changed, told by whoever sees its folder.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{ChangeList, ChangedFile, Compared, FileDiff, FilePath, Hunk, KeptChanges, KeptTurn};
use crate::ports::ChangesError;
use crate::time::Timestamp;

/// Two states of a folder that were compared on another machine, with the lines of the files.
///
/// Its form as JSON is that of the API, and that in which stores keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReport {
    /// The top folder of the repository, on the machine of the agent.
    pub folder: String,
    /// The commit that the folder was at when the agent began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch that it was on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The turns so far, in their order.
    #[serde(default)]
    pub turns: Vec<KeptTurn>,
    /// When the earlier state was looked at.
    pub from_at: Timestamp,
    /// When the later state was looked at.
    pub to_at: Timestamp,
    /// The first of the files, by path.
    pub files: Vec<ReportedFile>,
    /// How many files were changed.
    pub total: u64,
    /// How many lines were added in all of them, as far as they were counted.
    pub added: u64,
    /// How many lines were removed.
    pub removed: u64,
}

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFile {
    /// The file.
    #[serde(flatten)]
    pub file: ChangedFile,
    /// The lines that have changed, with some around them; `None` if the report has no room for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<Hunk>>,
    /// Whether lines, or ends of lines, are missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A report that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidReport {
    /// The field, as a JSON pointer.
    pub field: String,
    /// Which rule.
    pub why: String,
}

impl ChangeReport {
    /// The most bytes of a report, as JSON.
    pub const MAX_BYTES: usize = 1 << 20;
    /// The most files of a report.
    pub const MAX_FILES: usize = 2_000;
    /// The most turns that a report lists: the last ones.
    pub const MAX_TURNS: usize = 1_000;
    /// Of so many turns, the last ones, the store has a report.
    pub const KEPT_TURNS: u32 = 100;
    /// The most bytes of the name of the folder, the commit and the branch.
    pub const MAX_NAME: usize = 4_096;

    /// Checks the limits, and that nothing is told twice.
    ///
    /// # Errors
    /// It is too large, or says things that cannot be together.
    pub fn check(&self) -> Result<(), InvalidReport> {
        let broken = |field: String, why: String| Err(InvalidReport { field, why });
        let names =
            [("/folder", Some(&self.folder)), ("/commit", self.commit.as_ref()), ("/branch", self.branch.as_ref())];
        for (field, name) in names {
            if name.is_some_and(|name| name.is_empty() || name.len() > Self::MAX_NAME) {
                return broken(field.to_owned(), format!("has 1 to {} bytes", Self::MAX_NAME));
            }
        }
        if self.files.len() > Self::MAX_FILES {
            return broken(
                "/files".to_owned(),
                format!("has at most {} files; `total` says how many there are", Self::MAX_FILES),
            );
        }
        if self.turns.len() > Self::MAX_TURNS {
            return broken(
                "/turns".to_owned(),
                format!("has at most {} turns: leave out the first ones", Self::MAX_TURNS),
            );
        }
        if let Some(at) =
            self.turns.windows(2).position(|pair| matches!(pair, [one, next] if one.number >= next.number))
        {
            return broken(format!("/turns/{}/number", at + 1), "is not above that of the turn before".to_owned());
        }
        if self.total < count(self.files.len()) {
            return broken("/total".to_owned(), format!("is less than the number of files, {}", self.files.len()));
        }
        let mut paths = HashSet::new();
        if let Some(at) = self.files.iter().position(|file| !paths.insert(&file.file.path)) {
            return broken(format!("/files/{at}/path"), "is listed already".to_owned());
        }
        if self.to_at < self.from_at {
            return broken("/toAt".to_owned(), "is before `fromAt`".to_owned());
        }
        if self.size() > Self::MAX_BYTES {
            let why = format!("the report has at most {} bytes: leave out the `hunks` of some files", Self::MAX_BYTES);
            return broken(String::new(), why);
        }
        Ok(())
    }

    /// How many bytes it has as JSON.
    #[must_use]
    pub fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }

    /// Leaves out lines, of the largest files first, and then files and turns, until it has the size that is allowed.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        let first = self.turns.len().saturating_sub(Self::MAX_TURNS);
        self.turns.drain(..first);
        self.files.truncate(Self::MAX_FILES);
        let size_of = |file: &ReportedFile| serde_json::to_vec(file).map_or(0, |json| json.len());
        let mut size = self.size();
        let mut largest: Vec<(usize, usize)> =
            self.files.iter().map(size_of).enumerate().map(|(at, size)| (size, at)).collect();
        largest.sort_unstable();
        while size > Self::MAX_BYTES
            && let Some((before, at)) = largest.pop()
            && let Some(file) = self.files.get_mut(at)
        {
            file.hunks = None;
            file.truncated = false;
            size = size.saturating_sub(before.saturating_sub(size_of(file)));
        }
        while self.size() > Self::MAX_BYTES && !self.files.is_empty() {
            self.files.truncate(self.files.len() / 2);
        }
        self
    }

    /// Replaces the texts of all lines, as [`Hunk::rewrite`] does.
    pub fn rewrite(&mut self, clean: impl Fn(&str, bool) -> String) {
        for file in &mut self.files {
            if let Some(hunks) = &mut file.hunks {
                Hunk::rewrite(hunks, file.truncated, &clean);
            }
        }
    }

    fn compared<T>(&self, found: T) -> Compared<T> {
        let Self { folder, commit, branch, turns, from_at, to_at, .. } = self;
        let kept = KeptChanges {
            folder: folder.clone(),
            commit: commit.clone(),
            branch: branch.clone(),
            turns: turns.clone(),
        };
        Compared { kept, from_at: *from_at, to_at: *to_at, is_now: false, found }
    }

    /// The files, as a keeper of the folder would list them.
    #[must_use]
    pub fn list(&self) -> Compared<ChangeList> {
        let files = self.files.iter().map(|file| file.file.clone()).collect();
        self.compared(ChangeList { files, total: self.total, added: self.added, removed: self.removed })
    }

    /// One of the files, as a keeper of the folder would show it.
    ///
    /// # Errors
    /// The file was not changed, or the report has not its lines.
    pub fn file(&self, path: &FilePath) -> Result<Compared<FileDiff>, ChangesError> {
        let found = self.files.iter().find(|file| file.file.path == *path);
        let ReportedFile { file, hunks, truncated } = found.ok_or_else(|| ChangesError::UnknownFile(path.clone()))?;
        let hunks = hunks.clone().ok_or_else(|| ChangesError::Unreported(path.clone()))?;
        Ok(self.compared(FileDiff { file: file.clone(), hunks, truncated: *truncated }))
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::change_report;

    fn refused(change: impl FnOnce(&mut ChangeReport)) -> Option<String> {
        let mut report = change_report(2, 5);
        change(&mut report);
        report.check().err().map(|broken| broken.field)
    }

    #[test]
    fn a_report_that_breaks_a_rule_names_the_field() {
        let told = |field: &str| Some(field.to_owned());
        assert_eq!(refused(|_| {}), None);
        assert_eq!(refused(|report| report.folder.clear()), told("/folder"));
        assert_eq!(refused(|report| report.commit = Some("x".repeat(ChangeReport::MAX_NAME + 1))), told("/commit"));
        assert_eq!(refused(|report| report.branch = Some(String::new())), told("/branch"));
        assert_eq!(refused(|report| report.total = 1), told("/total"));
        assert_eq!(
            refused(|report| report.files = vec![report.files[1].clone(), report.files[1].clone()]),
            told("/files/1/path")
        );
        assert_eq!(refused(|report| report.to_at = Timestamp::FIRST), told("/toAt"));
        assert_eq!(refused(|report| report.turns.push(report.turns[0])), told("/turns/1/number"));
        let turn = |number| KeptTurn { number, began_at: Timestamp::FIRST, ended_at: None };
        assert_eq!(refused(|report| report.turns = (0..=1_000).map(turn).collect()), told("/turns"));
        assert_eq!(refused(|report| *report = change_report(2_001, 0)), told("/files"));
        assert_eq!(refused(|report| *report = change_report(10, 10_000)), told(""));
    }

    #[test]
    fn its_json_is_read_back() {
        let report = change_report(2, 3);
        let json = serde_json::to_value(&report).expect("JSON");
        assert_eq!(json["files"][1]["path"], "src/1.rs");
        assert_eq!(json["files"][1]["hunks"][0]["lines"][0]["op"], "added");
        assert_eq!(serde_json::from_value::<ChangeReport>(json).expect("a report"), report);
    }

    #[test]
    fn files_and_lines_are_shown_as_by_a_keeper() {
        let mut report = change_report(2, 3);
        report.files[1].hunks = None;
        let list = report.list();
        assert_eq!((list.found.files.len(), list.found.total, list.is_now, list.kept.turns.len()), (2, 2, false, 1));
        let path = |text: &str| text.parse::<FilePath>().expect("a path");
        assert_eq!(report.file(&path("src/0.rs")).expect("there").found.hunks[0].lines.len(), 3);
        assert!(matches!(report.file(&path("src/1.rs")), Err(ChangesError::Unreported(_))));
        assert!(matches!(report.file(&path("src/2.rs")), Err(ChangesError::UnknownFile(_))));
    }

    #[test]
    fn a_report_without_room_leaves_out_the_lines_of_the_largest_file() {
        let mut report = change_report(3, 2_000);
        report.files[1].hunks.as_mut().expect("lines")[0].lines[0].text = "x".repeat(ChangeReport::MAX_BYTES);
        let fitted = report.fitted();
        assert_eq!(fitted.check(), Ok(()));
        assert_eq!(fitted.files.iter().map(|file| file.hunks.is_some()).collect::<Vec<_>>(), [true, false, true]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn whatever_is_fitted_is_taken(files in 0_u32..2_500, lines in 0_u32..30) {
            prop_assert_eq!(change_report(files, lines).fitted().check(), Ok(()));
        }
    }
}
