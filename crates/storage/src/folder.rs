//! The data folder: made, checked and locked.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::StorageError;

/// Held by the server that runs on a data folder.
pub const LOCK_FILE: &str = "flightdeck.lock";

/// Makes sure that no other server runs on the data folder, as long as the file that it gives back is open.
///
/// # Errors
/// The folder cannot be used, or another server runs on it.
pub fn lock(data_dir: &Path) -> Result<File, StorageError> {
    let failed = |source| StorageError::DataDir { path: data_dir.to_owned(), source };
    make_private(data_dir).map_err(failed)?;
    refuse_open(data_dir)?;
    let file = File::create(data_dir.join(LOCK_FILE)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Makes the data folder when there is none.
///
/// # Errors
/// It cannot be made.
pub fn make_data_dir(data_dir: &Path) -> Result<(), StorageError> {
    make_private(data_dir).map_err(|source| StorageError::DataDir { path: data_dir.to_owned(), source })
}

/// Refuses a folder that every user of the machine may write in: whoever may could put another database or key there.
fn refuse_open(data_dir: &Path) -> Result<(), StorageError> {
    let failed = |source| StorageError::DataDir { path: data_dir.to_owned(), source };
    let mode = fs::metadata(data_dir).map_err(failed)?.mode() & 0o7777;
    if mode & 0o002 != 0 {
        return Err(StorageError::OpenFolder { path: data_dir.to_owned(), mode });
    }
    if mode & 0o020 != 0 {
        tracing::warn!(
            "the group of the data folder may write in it (mode {mode:04o}); if others are in that group: chmod 700 {}",
            data_dir.display()
        );
    }
    Ok(())
}

/// Makes a folder that only its owner can enter; one that is there stays as it is.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
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
