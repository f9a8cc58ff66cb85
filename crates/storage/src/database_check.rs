//! Whether the pages of an embedded database are whole, looked at before a server works on it.

use std::path::{Path, PathBuf};

use flightdeck_settings::{DatabaseUrl, StorageSettings};
use flightdeck_store_sqlite::SqliteStore;

/// A database of at most this size is looked at before the server starts: it takes a fraction of a second. A larger one is
/// looked at while the server runs.
const AT_ONCE: u64 = 64 << 20;

/// Why a server does not start on a database.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database {} is damaged ({found}); nothing was changed. Keep a copy of it, restore a backup (docs/operations.md), and \
     look with `flightdeck doctor`", path.display()
)]
pub struct DatabaseDamaged {
    path: PathBuf,
    found: String,
}

/// Looks at a small database now, and at a large one on a thread of its own, which tells what it finds in the log.
///
/// # Errors
/// A small one is damaged.
pub fn at_start(settings: &StorageSettings) -> Result<(), DatabaseDamaged> {
    let DatabaseUrl::Sqlite(path) = &settings.database else { return Ok(()) };
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
            Ok(()) => tracing::info!("the look at the pages of the database is over"),
            Err(error) => tracing::error!("{error}"),
        }
    });
    if let Err(error) = looking {
        tracing::error!(%error, "the pages of the database cannot be looked at; run `flightdeck doctor`");
    }
    Ok(())
}

/// Reads every page. A database that cannot be looked at is left to whoever opens it.
fn whole(path: &Path) -> Result<(), DatabaseDamaged> {
    match SqliteStore::faults(path) {
        Ok(faults) if faults.is_empty() => Ok(()),
        Ok(faults) => Err(DatabaseDamaged { path: path.to_owned(), found: faults.join("; ") }),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "the pages of the database could not be looked at; run `flightdeck doctor`");
            Ok(())
        }
    }
}
