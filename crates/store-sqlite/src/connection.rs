//! Opening the file, and the settings of every connection.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use crate::error::OpenError;

/// Older ones can lose a committed transaction when a checkpoint runs beside a writer (the WAL-reset fault).
const OLDEST_SQLITE: &str = "3.51.3";

/// How long an opening waits for a lock that another program holds.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How long it rests between two attempts.
const LOCK_REST: Duration = Duration::from_millis(10);

/// So many faults of a database are told.
const MOST_FAULTS: usize = 10;

/// The time limit for locks comes first, for the settings after it need locks. `FULL` makes a commit durable before it
/// returns. Free pages can be given back to the disk in small steps; of a file that was made without, only after `VACUUM`
/// ([`DatabaseFile::compact`]). A checkpoint every 16 MiB keeps the log small and its cost off most commits.
const SETTINGS: &str = "PRAGMA busy_timeout = 5000;
     PRAGMA auto_vacuum = INCREMENTAL;
     PRAGMA journal_mode = WAL;
     PRAGMA synchronous = FULL;
     PRAGMA foreign_keys = ON;
     PRAGMA wal_autocheckpoint = 4000;
     PRAGMA temp_store = MEMORY;
     PRAGMA cache_size = -32000;";

/// The database file: where it is, and how to get connections to it.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    name: String,
}

impl DatabaseFile {
    /// Makes the file if there is none, readable and writable for its owner alone: it holds conversations. SQLite gives
    /// the files beside it the same mode.
    pub(crate) fn prepare(path: &Path) -> Result<Self, OpenError> {
        let not_writable = |source| OpenError::NotWritable { path: path.to_owned(), source };
        let full = std::path::absolute(path).map_err(not_writable)?;
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        let mut start = [0; SIGNATURE.len()];
        match open.open(&full).map_err(not_writable)?.read_exact(&mut start) {
            Ok(()) if &start == SIGNATURE => {}
            Ok(()) => return Err(OpenError::NotADatabase { path: path.to_owned() }),
            // Shorter than any database: either new, or something else.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                if std::fs::metadata(&full).map_err(not_writable)?.len() > 0 {
                    return Err(OpenError::NotADatabase { path: path.to_owned() });
                }
            }
            Err(error) => return Err(not_writable(error)),
        }
        // An absolute path cannot be taken for one of SQLite's special names.
        let name = full.to_str().ok_or_else(|| OpenError::PathNotText { path: path.to_owned() })?.to_owned();
        Ok(Self { path: path.to_owned(), name })
    }

    /// A connection to a file as it lies there, which makes and changes nothing: neither the file nor those beside it.
    pub(crate) fn look(path: &Path) -> Result<SqliteConnection, OpenError> {
        let unreadable = |source| OpenError::NotReadable { path: path.to_owned(), source };
        let full = std::path::absolute(path).map_err(unreadable)?;
        let mut start = [0; SIGNATURE.len()];
        match std::fs::File::open(&full).map_err(unreadable)?.read_exact(&mut start) {
            Ok(()) if &start == SIGNATURE => {}
            _ => return Err(OpenError::NotADatabase { path: path.to_owned() }),
        }
        let name = full.to_str().ok_or_else(|| OpenError::PathNotText { path: path.to_owned() })?;
        // Without a log there is nothing but the file; then SQLite need not make the log that it would look into.
        let log = std::fs::metadata(format!("{name}-wal")).is_ok_and(|log| log.len() > 0);
        let how = if log { "mode=ro" } else { "mode=ro&immutable=1" };
        let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        SqliteConnection::establish(&format!("file:{escaped}?{how}"))
            .map_err(|source| OpenError::Connect { path: path.to_owned(), source })
    }

    /// The faults that SQLite finds when it reads every page, the first ten; none in a whole database.
    pub(crate) fn faults(path: &Path) -> Result<Vec<String>, OpenError> {
        let mut connection = Self::look(path)?;
        let found =
            diesel::sql_query("SELECT quick_check AS value FROM pragma_quick_check").load::<TextValue>(&mut connection);
        match found {
            Ok(rows) => {
                // A row tells several, a line each, below the name of the database.
                let lines = rows.iter().flat_map(|row| row.value.lines());
                let faults = lines.filter(|line| *line != "ok" && !line.starts_with("***"));
                Ok(faults.take(MOST_FAULTS).map(ToOwned::to_owned).collect())
            }
            // What cannot even be walked through is damaged, too.
            Err(diesel::result::Error::DatabaseError(_, told)) if is_damage(told.message()) => {
                Ok(vec![told.message().to_owned()])
            }
            Err(source) => Err(OpenError::Database { path: path.to_owned(), source }),
        }
    }

    /// Writes the whole file anew without what is free in it, so that space can be given back from then on. It takes as
    /// much space again while it does so, and others wait.
    pub(crate) fn compact(&self) -> Result<(), OpenError> {
        let mut connection = self.writer()?;
        let compact = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)";
        connection.batch_execute(compact).map_err(|source| OpenError::Database { path: self.path.clone(), source })
    }

    /// Folds what it can of the log into the file, which is then as long as what is in it. Nobody waits meanwhile.
    pub(crate) fn fold(&self) -> Result<(), OpenError> {
        let fold = "PRAGMA wal_checkpoint(PASSIVE)";
        self.writer()?.batch_execute(fold).map_err(|source| OpenError::Database { path: self.path.clone(), source })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that may write.
    ///
    /// The busy timeout does not cover the change to WAL: SQLite reports the lock at once, because a connection that
    /// waits there with a read lock could wait for ever. So two programs that make one file at the same time retry here.
    pub(crate) fn writer(&self) -> Result<SqliteConnection, OpenError> {
        let began = Instant::now();
        loop {
            match self.connect() {
                Err(OpenError::Database { source, .. }) if is_lock(&source) && began.elapsed() < LOCK_WAIT => {
                    thread::sleep(LOCK_REST);
                }
                opened => return opened,
            }
        }
    }

    fn connect(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = SqliteConnection::establish(&self.name)
            .map_err(|source| OpenError::Connect { path: self.path.clone(), source })?;
        connection.batch_execute(SETTINGS).map_err(|source| self.unusable(source))?;
        self.check(&mut connection)?;
        Ok(connection)
    }

    /// A connection that SQLite itself keeps from writing. Its cache is small: there are several, each would hold the same
    /// pages, and what is not in it is in the system's.
    pub(crate) fn reader(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.writer()?;
        connection
            .batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -8000")
            .map_err(|source| self.unusable(source))?;
        Ok(connection)
    }

    pub(crate) fn unusable(&self, source: diesel::result::Error) -> OpenError {
        OpenError::Database { path: self.path.clone(), source }
    }

    /// SQLite does not say so when a setting does not take.
    fn check(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let version = text(connection, "SELECT sqlite_version() AS value").map_err(|source| self.unusable(source))?;
        if numbers(&version) < numbers(OLDEST_SQLITE) {
            return Err(OpenError::SqliteTooOld { found: version, wanted: OLDEST_SQLITE });
        }
        let journal = text(connection, "SELECT journal_mode AS value FROM pragma_journal_mode")
            .map_err(|source| self.unusable(source))?;
        let synchronous = number(connection, "SELECT synchronous AS value FROM pragma_synchronous")
            .map_err(|source| self.unusable(source))?
            .to_string();
        for (setting, wanted, found) in [("journal_mode", "wal", journal), ("synchronous", "2", synchronous)] {
            if found != wanted {
                return Err(OpenError::Setting { path: self.path.clone(), setting, wanted, found });
            }
        }
        Ok(())
    }
}

/// Whether another program holds a lock. Diesel keeps SQLite's text alone, not its code (`SQLITE_BUSY`).
fn is_lock(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, told) if told.message() == "database is locked")
}

const SIGNATURE: &[u8; 16] = b"SQLite format 3\0";

#[derive(QueryableByName)]
struct TextValue {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct NumberValue {
    #[diesel(sql_type = Integer)]
    value: i32,
}

/// Whether SQLite says that it cannot make sense of the file itself.
fn is_damage(told: &str) -> bool {
    told.contains("malformed") || told.contains("not a database") || told.contains("corrupt")
}

fn text(connection: &mut SqliteConnection, sql: &str) -> QueryResult<String> {
    diesel::sql_query(sql).get_result::<TextValue>(connection).map(|row| row.value)
}

fn number(connection: &mut SqliteConnection, sql: &str) -> QueryResult<i32> {
    diesel::sql_query(sql).get_result::<NumberValue>(connection).map(|row| row.value)
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("3.6.0") < numbers(OLDEST_SQLITE));
        assert!(numbers("3.51.2") < numbers(OLDEST_SQLITE));
        assert!(numbers("3.100.0") > numbers(OLDEST_SQLITE));
    }

    #[test]
    fn the_settings_are_in_force_on_both_kinds_of_connection() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = DatabaseFile::prepare(&folder.path().join("flightdeck.db")).expect("made");
        let mut writer = file.writer().expect("opened");
        let mut reader = file.reader().expect("opened");
        for connection in [&mut writer, &mut reader] {
            assert_eq!(text(connection, "SELECT journal_mode AS value FROM pragma_journal_mode").expect("read"), "wal");
            for (setting, wanted) in [
                ("SELECT synchronous AS value FROM pragma_synchronous", 2),
                ("SELECT foreign_keys AS value FROM pragma_foreign_keys", 1),
                ("SELECT timeout AS value FROM pragma_busy_timeout", 5_000),
            ] {
                assert_eq!(number(connection, setting).expect("read"), wanted, "{setting}");
            }
        }
        writer.batch_execute("CREATE TABLE t (n INTEGER)").expect("a writer may");
        let refused = reader.batch_execute("INSERT INTO t VALUES (1)").expect_err("a reader may not");
        assert_eq!(refused.to_string(), "attempt to write a readonly database");
    }
}
