//! Whether the data folder is still the one that the server began with.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use flightdeck_settings::{DatabaseUrl, StorageSettings};

use crate::folder::LOCK_FILE;

/// Something that the server has open is gone, or is another one by now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// It is not there any more.
    #[error("{0} was deleted while the server ran: what it writes from now on is lost, so it ends")]
    Deleted(PathBuf),
    /// Something else is in its place.
    #[error(
        "{0} was replaced while the server ran: what it writes from now on is lost, so it ends; start it on what is there now"
    )]
    Replaced(PathBuf),
}

/// What lay where when the server began.
#[derive(Debug)]
pub struct Witness {
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
    #[must_use]
    pub fn of(settings: &StorageSettings) -> Self {
        let mut paths = vec![settings.data_dir.clone(), settings.data_dir.join(LOCK_FILE)];
        if let DatabaseUrl::Sqlite(path) = &settings.database {
            let mut log = path.clone().into_os_string();
            log.push("-wal");
            paths.extend([path.clone(), log.into()]);
        }
        let seen = |path: PathBuf| fs::metadata(&path).ok().map(|found| (path, Identity::of(&found)));
        Self { seen: paths.into_iter().filter_map(seen).collect() }
    }

    /// Tells the first thing that is not there any more, or is another one.
    ///
    /// # Errors
    /// There is one.
    pub fn look(&self) -> Result<(), Gone> {
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
