//! A git worktree of its own for a session, so that agents on one repository do not get into each other's way.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes one in this folder, at the commit that the repository is at, on no branch. It stays when the session ends: what
/// the agent did lies in it. Blocks. The error is a sentence.
pub(crate) fn make(repository: &Path, folder: &Path) -> Result<PathBuf, String> {
    let git = Command::new("git")
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
