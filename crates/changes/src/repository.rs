//! The repository that a folder is in.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use flightdeck_domain::changes::WorkFolder;

use crate::git::{Git, GitError, words};

/// The repository of an agent's folder.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// Its top folder.
    pub(crate) top: PathBuf,
    /// Where its objects are.
    pub(crate) objects: PathBuf,
    /// Its index. It may be missing.
    pub(crate) index: PathBuf,
    /// What is ignored in it besides what its files say. It may be missing.
    pub(crate) exclude: PathBuf,
    /// How its objects are named.
    pub(crate) format: String,
    /// The commit that it is at.
    pub(crate) commit: Option<String>,
    /// The branch that it is on.
    pub(crate) branch: Option<String>,
}

/// The top folder of the repository that a folder is in. It is found by the name `.git` alone, so what is written there
/// cannot lead to another folder.
fn top_of(folder: &WorkFolder) -> Option<&Path> {
    let within = |path: &&Path| folder.ceiling.as_ref().is_none_or(|ceiling| path.starts_with(ceiling));
    folder.path.ancestors().take_while(within).find(|path| path.join(".git").symlink_metadata().is_ok())
}

impl Repository {
    /// Finds it; `None` when the folder is in none.
    pub(crate) fn find(folder: &WorkFolder, until: Instant) -> Result<Option<Self>, GitError> {
        let Some(top) = top_of(folder) else { return Ok(None) };
        let above = top.parent().unwrap_or(top);
        let git = Git::asking(top, until).with("GIT_CEILING_DIRECTORIES", above);
        let absolute = "--path-format=absolute";
        let one = |what: &str| -> Result<PathBuf, GitError> {
            // A line for each: a path may have the end of a line in it.
            let mut bytes = git.whole(&words(["rev-parse", absolute, what]), &[], 64 << 10)?;
            bytes.pop();
            Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
        };
        let (own, common) = (one("--git-dir")?, one("--git-common-dir")?);
        let may_be_missing = |answer: Result<String, GitError>| match answer {
            Ok(line) => Ok(Some(line).filter(|line| !line.is_empty() && line.len() <= 1_000)),
            Err(GitError::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        Ok(Some(Self {
            top: top.to_owned(),
            objects: common.join("objects"),
            index: own.join("index"),
            exclude: common.join("info/exclude"),
            format: git.line(&words(["rev-parse", "--show-object-format"]), &[])?,
            commit: may_be_missing(git.line(&words(["rev-parse", "-q", "--verify", "HEAD"]), &[]))?,
            branch: may_be_missing(git.line(&words(["symbolic-ref", "-q", "--short", "HEAD"]), &[]))?,
        }))
    }
}
