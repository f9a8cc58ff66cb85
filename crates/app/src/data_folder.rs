//! The data folder: who may write in it, and whether it is still the one that the server began with.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::{Config, DatabaseUrl};
use crate::deployment::{DeploymentError, LOCK_FILE};

/// How often the folder is looked at. What is written into a folder that is gone is lost, so it is not long.
const EVERY: Duration = Duration::from_millis(500);

/// Something that the server has open is gone, or is another one by now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Gone {
    #[error("{0} was deleted while the server ran: what it writes from now on is lost, so it ends")]
    Deleted(PathBuf),
    #[error(
        "{0} was replaced while the server ran: what it writes from now on is lost, so it ends; start it on what is there now"
    )]
    Replaced(PathBuf),
}

/// Refuses a folder that every user of the machine may write in: whoever may could put another database or key there.
pub(crate) fn refuse_open(data_dir: &Path) -> Result<(), DeploymentError> {
    let failed = |source| DeploymentError::DataDir { path: data_dir.to_owned(), source };
    let mode = fs::metadata(data_dir).map_err(failed)?.mode() & 0o7777;
    if mode & 0o002 != 0 {
        return Err(DeploymentError::OpenFolder { path: data_dir.to_owned(), mode });
    }
    if mode & 0o020 != 0 {
        tracing::warn!(
            "the group of the data folder may write in it (mode {mode:04o}); if others are in that group: chmod 700 {}",
            data_dir.display()
        );
    }
    Ok(())
}

/// What lay where when the server began.
#[derive(Debug)]
pub(crate) struct Witness {
    seen: Vec<(PathBuf, Identity)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

impl Witness {
    /// Remembers the folder, the lock, and the files of an embedded database. To be called when all of them are open.
    pub(crate) fn of(config: &Config) -> Self {
        let mut paths = vec![config.data_dir.clone(), config.data_dir.join(LOCK_FILE)];
        if let DatabaseUrl::Sqlite(path) = &config.database {
            let mut log = path.clone().into_os_string();
            log.push("-wal");
            paths.extend([path.clone(), log.into()]);
        }
        let seen = |path: PathBuf| fs::metadata(&path).ok().map(|found| (path, Identity::of(&found)));
        Self { seen: paths.into_iter().filter_map(seen).collect() }
    }

    /// The first thing that is not there any more, or is another one.
    fn look(&self) -> Result<(), Gone> {
        for (path, identity) in &self.seen {
            match fs::metadata(path) {
                Ok(found) if Identity::of(&found) == *identity => {}
                Ok(_) => return Err(Gone::Replaced(path.clone())),
                Err(error) if is_gone(&error) => return Err(Gone::Deleted(path.clone())),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "cannot look at the data folder; trying again");
                }
            }
        }
        Ok(())
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::StaleNetworkFileHandle
    )
}

/// Looks at the folder until the shutdown. When something is gone, it ends the server by the shutdown, and says so.
pub(crate) async fn watch(witness: Arc<Witness>, shutdown: CancellationToken) -> Result<(), Gone> {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = every.tick() => {}
        }
        let looking = Arc::clone(&witness);
        // A file system that hangs must not hold up a thread of the server.
        if let Ok(Err(gone)) = tokio::task::spawn_blocking(move || looking.look()).await {
            tracing::error!("{gone}");
            shutdown.cancel();
            return Err(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_folder_that_everybody_may_write_in_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for (mode, refused) in [(0o700, false), (0o755, false), (0o770, false), (0o702, true), (0o1777, true)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).expect("set");
            let found = refuse_open(folder.path());
            assert_eq!(found.is_err(), refused, "{mode:o}");
            if let Err(error) = found {
                let fix = format!("chmod 700 {}", folder.path().display());
                assert!(error.to_string().contains(&fix), "{error}");
            }
        }
    }
}
