//! A real repository, and a keeper for the session that works in it.

#![allow(dead_code, reason = "each suite uses its part")]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use flightdeck_changes::{Keeper, Limits};
use flightdeck_domain::changes::{
    ChangeList, Compared, DiffOp, FileDiff, FileKind, Moment, Stretch, Unkept, WorkFolder,
};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{Changes, ChangesError};
use flightdeck_domain::system::SystemClock;
use tempfile::TempDir;

pub(crate) struct Stage {
    pub(crate) top: PathBuf,
    pub(crate) keeper: Keeper,
    pub(crate) session: SessionId,
    home: Arc<TempDir>,
}

impl Stage {
    /// A repository without a commit.
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let stage = Self::empty(limits);
        stage.git(&["init", "-q", "-b", "main"]);
        stage
    }

    /// A folder without a repository.
    pub(crate) fn bare() -> Self {
        Self::empty(Limits::default())
    }

    fn empty(limits: Limits) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let top = home.path().canonicalize().expect("there").join("work");
        std::fs::create_dir(&top).expect("made");
        Self::of(Arc::new(home), top, limits)
    }

    fn of(home: Arc<TempDir>, top: PathBuf, limits: Limits) -> Self {
        let keeper = Keeper::new(&home.path().join("kept"), Arc::new(SystemClock), limits);
        Self { top, keeper, session: SessionId::new(uuid::Uuid::from_u128(7)), home }
    }

    /// Another repository at this place.
    pub(crate) fn at(top: PathBuf) -> Self {
        std::fs::create_dir_all(&top).expect("made");
        let stage = Self::of(Arc::new(tempfile::tempdir().expect("a folder")), top, Limits::default());
        stage.git(&["init", "-q", "-b", "main"]);
        stage
    }

    /// The folder of that name beside this one.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self::of(Arc::clone(&self.home), self.top.with_file_name(name), Limits::default())
    }

    /// The same for a server that keeps its things elsewhere.
    pub(crate) fn keeping_in(self, folder: &Path) -> Self {
        Self { keeper: Keeper::new(folder, Arc::new(SystemClock), Limits::default()), ..self }
    }

    /// The same for a server that was started again.
    pub(crate) fn restarted(&self) -> Self {
        Self::of(Arc::clone(&self.home), self.top.clone(), Limits::default())
    }

    /// Runs git as a person would.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "advice.addEmbeddedRepo=false"])
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .current_dir(&self.top)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.top.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn commit(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.write(name, text);
            self.git(&["add", "--", name]);
        }
        self.git(&["commit", "-qm", "x"]);
    }

    pub(crate) async fn begin(&self) {
        self.begin_in("").await.expect("kept");
    }

    pub(crate) async fn begin_in(&self, folder: &str) -> Result<(), Unkept> {
        let work = WorkFolder { path: self.top.join(folder), ceiling: Some(self.top.clone()) };
        self.keeper.begin(self.session, work).await
    }

    pub(crate) async fn begin_below(&self, folder: &str, ceiling: &str) -> Result<(), Unkept> {
        let work = WorkFolder { path: self.top.join(folder), ceiling: Some(self.top.join(ceiling)) };
        self.keeper.begin(self.session, work).await
    }

    pub(crate) async fn keep(&self, moment: Moment) {
        self.keeper.keep(self.session, moment).await;
    }

    pub(crate) async fn list(&self, stretch: Stretch) -> Result<Compared<ChangeList>, ChangesError> {
        self.keeper.list(self.session, stretch).await
    }

    pub(crate) async fn all(&self) -> Compared<ChangeList> {
        self.list(Stretch::Whole).await.expect("compared")
    }

    pub(crate) async fn file(&self, stretch: Stretch, path: &str) -> Compared<FileDiff> {
        let path = path.parse().expect("a path");
        self.keeper.file(self.session, stretch, path).await.expect("compared")
    }

    /// Every file of the folder and of its repository, with what it holds.
    pub(crate) fn fingerprint(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.top.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let entry = entry.expect("an entry");
                if entry.file_type().expect("a type").is_dir() {
                    open.push(entry.path());
                    continue;
                }
                let name = entry.path().as_os_str().as_bytes().to_vec();
                found.insert(name, std::fs::read(entry.path()).expect("read"));
            }
        }
        found
    }

    /// How many bytes are kept of the session.
    pub(crate) fn kept_bytes(&self) -> u64 {
        fn size(folder: &Path) -> u64 {
            let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
            entries
                .map(|entry| {
                    let about = entry.metadata().expect("there");
                    if about.is_dir() { size(&entry.path()) } else { about.len() }
                })
                .sum()
        }
        size(&self.home.path().join("kept"))
    }
}

/// Each file in a line.
pub(crate) fn told(list: &Compared<ChangeList>) -> Vec<String> {
    let line = |file: &flightdeck_domain::changes::ChangedFile| {
        let status = format!("{:?}", file.status).to_lowercase();
        let kind = match file.kind {
            FileKind::Text => "",
            FileKind::Binary => " binary",
            FileKind::Link => " link",
            FileKind::Submodule => " submodule",
            FileKind::NotKept => " not kept",
            FileKind::NotRead => " not read",
        };
        let count = file.added.zip(file.removed).map(|(added, removed)| format!(" +{added} -{removed}"));
        let from = file.from.as_ref().map(|from| format!(" from {from}"));
        format!("{status} {}{kind}{}{}", file.path, count.unwrap_or_default(), from.unwrap_or_default())
    };
    list.found.files.iter().map(line).collect()
}

/// Each line with its sign and its numbers.
pub(crate) fn lines(diff: &Compared<FileDiff>) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or("_".to_owned(), |number| number.to_string());
    let line = |line: &flightdeck_domain::changes::DiffLine| {
        let sign = match line.op {
            DiffOp::Same => ' ',
            DiffOp::Removed => '-',
            DiffOp::Added => '+',
            DiffOp::About => '\\',
        };
        format!("{sign}{}.{} {}", number(line.old), number(line.new), line.text)
    };
    diff.found.hunks.iter().flat_map(|hunk| &hunk.lines).map(line).collect()
}
