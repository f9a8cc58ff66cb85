//! The repository ports of [`flightdeck_domain`] over an embedded SQLite database.
//!
//! # How it is laid out
//! - `tx`: a connection on which the domain's scripts run, which make up most of the ports. What they can do with the rows is
//!   in [`flightdeck_store_sql`], and `dialect` has what SQLite does in a way of its own.
//! - `audit`, `feed`, `epoch`: the ports that need no script.
//! - `transfer`: the whole database, read from or filled when a deployment moves.
//! - `messages`: the statements on conversations.
//! - `append`: how appends that stand in line together are decided.
//! - `writer` and `readers`: the threads. One connection writes, a few read.
//! - `connection`, `migrations`: the file, its settings and its tables (`migrations/sqlite`).
//!
//! # What it guarantees
//! - *Acknowledged is durable.* A write returns after the commit that holds it, and a commit is on the disk
//!   (`synchronous = FULL`).
//! - *Whole or not at all.* Facts are read in the transaction that writes the result, and there is one writer: nothing
//!   comes between.
//! - *Readers see moments.* Each read is one transaction, and never waits for the writer.
//!
//! # What does not belong here
//! Rules. What may happen is decided by [`flightdeck_domain`]; a rule that is spelt out here would be missing in the next
//! store.

mod append;
mod audit;
mod connection;
mod dialect;
mod epoch;
mod error;
mod feed;
mod messages;
mod migrations;
#[cfg(test)]
mod plans;
mod readers;
mod transfer;
mod tx;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection;
use flightdeck_domain::ports::{Clock, IdGenerator, Readiness, Rows, StoreSpace, StoreUnavailable, WakeUps};
use flightdeck_domain::use_cases::Ports;
use tokio::sync::oneshot;

pub use self::error::OpenError;
pub use self::transfer::SqliteTransfer;
pub use self::tx::{Embedded, SqliteTx};

use self::connection::DatabaseFile;
use self::error::StoreError;
use self::readers::Readers;
use self::writer::Writer;

/// How a store works; the defaults are good for one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many threads read.
    pub readers: usize,
    /// How many calls wait in line, of each kind, before further callers wait to be let in.
    pub queue: usize,
    /// How many writes one commit carries at most.
    pub group: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 4, queue: 1_024, group: 512 }
    }
}

/// What the store has done since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Commits, each one wait for the disk.
    pub commits: u64,
    /// Writes that those commits carried, with those that were refused.
    pub writes: u64,
}

/// Every repository port over one SQLite file.
///
/// Dropping it finishes what is queued, folds the write-ahead log into the file and closes it.
pub struct SqliteStore {
    // The readers are dropped first: the writer can then fold the whole log into the file.
    readers: Readers,
    writer: Writer,
    file: DatabaseFile,
}

impl SqliteStore {
    /// Opens a database, makes it when there is none, and brings its tables up to date.
    ///
    /// It blocks while it does so: call it before the server starts, or on a thread that may wait.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let file = DatabaseFile::prepare(path.as_ref())?;
        let mut connection = file.writer()?;
        migrations::migrate(&file, &mut connection)?;
        let again = file.clone();
        let reopen = move || again.writer();
        let readers = (0..options.readers.max(1)).map(|_| file.reader()).collect::<Result<_, _>>()?;
        Ok(Self {
            readers: Readers::start(&file, readers, options.queue).map_err(OpenError::Thread)?,
            writer: Writer::start(connection, reopen, options.queue, options.group).map_err(OpenError::Thread)?,
            file,
        })
    }

    /// Brings the tables of a database up to date, makes it when there is none, and gives the names of the migrations that
    /// were applied.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn migrate(path: impl AsRef<Path>) -> Result<Vec<String>, OpenError> {
        let file = DatabaseFile::prepare(path.as_ref())?;
        migrations::migrate(&file, &mut file.writer()?)
    }

    /// The names of the migrations that [`SqliteStore::migrate`] would apply. Changes nothing.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn pending(path: impl AsRef<Path>) -> Result<Vec<String>, OpenError> {
        let path = path.as_ref();
        migrations::pending(path, &mut DatabaseFile::look(path)?)
    }

    /// Writes the whole file anew without what is free in it. A file that was made by an earlier version gives space back by
    /// itself from then on. Stop the server first: others wait, and it takes as much space again while it does so.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn compact(path: impl AsRef<Path>) -> Result<(), OpenError> {
        DatabaseFile::prepare(path.as_ref())?.compact()
    }

    /// What SQLite finds wrong with a database when it reads all of it (`PRAGMA quick_check`): nothing when it is whole. Changes
    /// nothing, and takes as long as it takes to read the file.
    ///
    /// # Errors
    /// It cannot be looked at; each [`OpenError`] says what to do about it.
    pub fn faults(path: impl AsRef<Path>) -> Result<Vec<String>, OpenError> {
        DatabaseFile::faults(path.as_ref())
    }

    /// The ports of the domain over this store.
    ///
    /// It is [`Ports::from_store`], compiled in this crate once: each crate that names it for a store compiles all scripts
    /// and statements of that store again.
    #[must_use]
    pub fn ports(
        self: &Arc<Self>,
        wake_ups: Arc<dyn WakeUps>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Ports {
        self.writer.tell(Arc::clone(&wake_ups));
        Ports::from_store(Arc::clone(self), wake_ups, clock, ids)
    }

    /// What the store has done so far. `writes / commits` is how much one wait for the disk carries.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = self.writer.counters();
        Stats { commits: counters.commits.load(Ordering::Relaxed), writes: counters.writes.load(Ordering::Relaxed) }
    }
}

#[async_trait]
impl Readiness for SqliteStore {
    /// Whether the store can work: a read goes through, the tables are up to date, and a write is durable. The write stands
    /// in line with all others and changes nothing that anybody reads; each call is one wait for the disk.
    async fn ready(&self) -> Rows<()> {
        self.readers.read(migrations::check).await?;
        let probe = |connection: &mut diesel::SqliteConnection| -> Result<(), StoreError> {
            // The database has this number for its users, and nobody here uses it. To set it writes a page, also when it
            // stays the same.
            Ok(connection.batch_execute("PRAGMA user_version = 1")?)
        };
        Ok(self.writer.write(probe).await?)
    }
}

#[async_trait]
impl StoreSpace for SqliteStore {
    /// In line with all other writes. A file that was made without this (`auto_vacuum`) has nothing to give.
    async fn give_back(&self, pages: u32) -> Rows<u64> {
        let step = move |connection: &mut diesel::SqliteConnection| -> Result<u64, StoreError> {
            connection.batch_execute(&format!("PRAGMA incremental_vacuum({pages})"))?;
            let free = "SELECT CASE auto_vacuum WHEN 2 THEN freelist_count ELSE 0 END AS pages \
                        FROM pragma_auto_vacuum, pragma_freelist_count";
            let free: FreePages = diesel::sql_query(free).get_result(connection)?;
            Ok(u64::try_from(free.pages).unwrap_or_default())
        };
        let free = self.writer.write(step).await?;
        if free == 0 {
            // The file itself becomes shorter when the log is folded into it, and nobody may write for long.
            let (file, (reply, folded)) = (self.file.clone(), oneshot::channel());
            let fold = move || reply.send(file.fold()).unwrap_or_default();
            std::thread::Builder::new().name("sqlite fold".to_owned()).spawn(fold).map_err(StoreUnavailable::new)?;
            folded.await.map_err(StoreUnavailable::new)?.map_err(StoreUnavailable::new)?;
        }
        Ok(free)
    }
}

#[derive(diesel::QueryableByName)]
struct FreePages {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pages: i64,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
