//! A git worktree of its own for a session, so that agents on one repository do not get into each other's way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes one in this folder, at the commit that the repository is at, on no branch. It stays when the session ends: what
/// the agent did lies in it. The repository is looked for in its folder and above, but not above the root that the session
/// may choose folders within. Blocks. The error is a sentence.
///
/// A repository can make git run programs, such as hooks, and agents can write to it. So git gets the variables of the
/// agent, and none of the server.
pub(crate) fn make(
    repository: &Path,
    root: Option<&Path>,
    folder: &Path,
    variables: BTreeMap<String, String>,
) -> Result<PathBuf, String> {
    let mut git = Command::new("git");
    git.env_clear().envs(variables);
    if let Some(above) = root.and_then(Path::parent) {
        git.env("GIT_CEILING_DIRECTORIES", above);
    }
    let git = git
        .arg("-C")
        .arg(repository)
        .args(["worktree", "add", "--quiet", "--detach"])
        .arg(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    if git.status.success() {
        return Ok(folder.to_owned());
    }
    let said = String::from_utf8_lossy(&git.stderr);
    Err(format!("git worktree add failed in {}: {}", repository.display(), said.trim()))
}
