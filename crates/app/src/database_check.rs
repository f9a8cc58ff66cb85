//! Whether the pages of an embedded database are whole, looked at before a server works on it.

use std::path::{Path, PathBuf};

use flightdeck_store_sqlite::{OpenError, SqliteStore};

use crate::config::{Config, DatabaseUrl};

/// A database of at most this size is looked at before the server starts: it takes a fraction of a second. A larger one is
/// looked at while the server runs.
const AT_ONCE: u64 = 64 << 20;

/// Why a server does not start on a database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseCheckError {
    #[error(
        "the database {} is damaged ({found}); nothing was changed. Keep a copy of it, restore a backup (docs/operations.md), and \
         look with `flightdeck doctor`", path.display()
    )]
    Damaged { path: PathBuf, found: String },
    #[error("the database {} cannot be looked at", path.display())]
    Unreadable { path: PathBuf, source: Box<OpenError> },
}

/// Looks at a small database now, and at a large one on a thread of its own, which tells what it finds in the log.
pub(crate) fn at_start(config: &Config) -> Result<(), DatabaseCheckError> {
    let DatabaseUrl::Sqlite(path) = &config.database else { return Ok(()) };
    let Ok(file) = std::fs::metadata(path) else { return Ok(()) };
    // What is no database, or none yet, is told by whoever opens it.
    if file.len() == 0 {
        return Ok(());
    }
    if file.len() <= AT_ONCE {
        return whole(path);
    }
    let path = path.clone();
    let looking = std::thread::Builder::new().name("database-check".to_owned()).spawn(move || {
        tracing::info!(path = %path.display(), "the database is large; its pages are looked at in the background");
        match whole(&path) {
            Ok(()) => tracing::info!("every page of the database is whole"),
            Err(error @ DatabaseCheckError::Damaged { .. }) => tracing::error!("{error}"),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::error!(cause, "the pages of the database could not be looked at; run `flightdeck doctor`");
            }
        }
    });
    if let Err(error) = looking {
        tracing::error!(%error, "the pages of the database cannot be looked at; run `flightdeck doctor`");
    }
    Ok(())
}

/// Reads every page.
fn whole(path: &Path) -> Result<(), DatabaseCheckError> {
    match SqliteStore::faults(path) {
        Ok(faults) if faults.is_empty() => Ok(()),
        Ok(faults) => Err(DatabaseCheckError::Damaged { path: path.to_owned(), found: faults.join("; ") }),
        Err(OpenError::NotADatabase { .. }) => Ok(()),
        Err(error) => Err(DatabaseCheckError::Unreadable { path: path.to_owned(), source: Box::new(error) }),
    }
}
