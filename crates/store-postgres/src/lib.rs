//! The repository ports of [`flightdeck_domain`] over PostgreSQL, for one or many replicas.
//!
//! # How it is laid out
//! - `tx`: what a transaction can do with the rows. The domain's scripts run on it and make up most of the ports.
//! - `audit`, `feed`, `epoch`: the ports that need no script.
//! - `append`: how many appends share a commit. `group`: how all other writes do. `line`: the connection that they share.
//! - `locks`: what a transaction locks, and in which order.
//! - `transfer`: the whole database, read from or filled when a deployment moves.
//! - `partitions`: the table of messages, put into parts.
//! - `standbys`: copies of the database, for reads that may lag.
//! - `messages`, `accounts`: the statements on conversations and on sums of usage.
//! - `database`: how work is done on the connections. `pool`: those that are kept. `settings`, `url`, `tls`, `connection`: how
//!   they are made.
//! - `migrations`: the tables (`migrations/postgres`). `examine`: a look at the server for whoever mends it.
//!
//! # What it guarantees
//! - *Acknowledged is durable.* A write returns after its commit.
//! - *Whole or not at all, whoever hangs up.* Each write is one transaction, in a task of its own.
//! - *Facts stay true until the result is written.* They are read under locks, which all transactions take in one order.
//! - *Commit order is reading order.* A session's seqs and the feed's positions are given under a lock that is held until
//!   the commit: a reader that has seen one never sees a lower one appear later.
//!
//! # What does not belong here
//! Rules. What may happen is decided by [`flightdeck_domain`]; a rule that is spelt out here would be missing in the next
//! store.

mod accounts;
mod append;
mod audit;
mod connection;
mod database;
mod epoch;
mod error;
mod examine;
mod feed;
mod group;
mod line;
mod locks;
mod messages;
mod migrations;
mod partitions;
mod pool;
mod settings;
mod standbys;
mod statement;
mod tls;
mod transaction;
mod transfer;
mod tx;
mod url;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::ports::{Clock, IdGenerator, Readiness, Rows, StoreUnavailable, WakeUps};
use flightdeck_domain::use_cases::Ports;
use flightdeck_store_sql::tx::Dialect as _;
use tokio::runtime::Handle;

pub use self::error::OpenError;
pub use self::examine::{Findings, examine};
pub use self::partitions::{MessageLayout, MessageParts, MoveError, MovePhase, MoveProgress, MoveStep, MoveWaits};
pub use self::settings::Options;
pub use self::standbys::{PostgresStandbys, StandbyFindings, examine_standbys};
pub use self::transaction::{Remote, Transaction};
pub use self::transfer::PostgresTransfer;

use self::append::Appends;
use self::connection::Connector;
use self::database::{Database, on};
use self::group::Groups;
use self::pool::Failures;
use self::settings::Settings;
use self::url::Target;

/// How long readiness waits for a connection when none can be opened, before it says why.
const PATIENCE: Duration = Duration::from_secs(1);

/// Work on a database that is being opened. It is boxed, or each crate that awaits it would compile it, and the driver
/// below it, again.
pub type Opening<'a, T> = Pin<Box<dyn Future<Output = Result<T, OpenError>> + Send + 'a>>;

/// Every repository port over one PostgreSQL database.
///
/// Dropping it lets the appends that are queued be finished, as long as its runtime runs; every other write goes on by
/// itself.
pub struct PostgresStore {
    database: Database,
    appends: Appends,
    groups: Groups,
}

impl PostgresStore {
    /// Connects, and brings the tables up to date.
    ///
    /// The URL is `postgres://user:password@host:port/database`, with `?sslmode=` one of `disable`, `prefer` (the default),
    /// `require` and `verify-full`, and `sslrootcert=` a file of PEM for the last. Several hosts may be named,
    /// `host1:port,host2:port`: the first that allows writes is used, and looked for again when it no longer does. The tables
    /// lie in the first schema of `search_path`.
    ///
    /// All work runs on the runtime of `handle`, which has to have I/O and time and must outlive the store; any other
    /// runtime may call it.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    #[must_use = "nothing is done until it is awaited"]
    pub fn open(url: &str, options: Options, handle: Handle) -> Opening<'_, Self> {
        Box::pin(async move {
            let target = Target::read(url)?;
            let name = target.name();
            let settings = Arc::new(Settings::of(&options));
            let connector = Connector::new(target, Arc::clone(&settings), handle.clone());
            let (connect, owner) = (connector.clone(), handle.clone());
            let opened = handle.spawn(async move {
                let unreachable = |source| OpenError::Connect { database: name.clone(), source };
                let connection = connect.connect().await.map_err(unreachable)?;
                migrations::migrate(connection, &owner, &name).await?;
                let failures = Failures::default();
                let pool = pool::pool(connect, failures.clone(), options).await.map_err(unreachable)?;
                Ok(Database::new(pool, owner, failures, settings, &options))
            });
            let database = opened.await.unwrap_or(Err(OpenError::Runtime))?;
            let appends = Appends::start(&database, &options);
            let groups = Groups::start(&database, &options);
            Ok(Self { database, appends, groups })
        })
    }

    /// Brings the tables of a database up to date, and gives the names of the migrations that were applied.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    #[must_use = "nothing is done until it is awaited"]
    pub fn migrate<'a>(url: &'a str, options: &'a Options, handle: Handle) -> Opening<'a, Vec<String>> {
        Box::pin(async move {
            let (connector, name) = transfer::connector(url, options, handle.clone())?;
            migrations::migrate(transfer::connect(&connector, &name).await?, &handle, &name).await
        })
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
        Ports::from_store(Arc::clone(self), wake_ups, clock, ids)
    }

    /// Whether PostgreSQL answers.
    ///
    /// # Errors
    /// It does not; the cause says why.
    pub async fn ping(&self) -> Result<(), StoreUnavailable> {
        Ok(on!(self.read, (), |connection| connection::ping(connection)).await?)
    }

    /// What the store has done, and the connections it has.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (counters, groups) = (self.appends.counters(), self.groups.counters());
        let (connections, idle) = self.database.connections();
        Stats {
            appends: counters.appends.load(Ordering::Relaxed),
            long_appends: counters.long.load(Ordering::Relaxed),
            append_groups: counters.groups.load(Ordering::Relaxed),
            repeated_append_groups: counters.repeated_groups.load(Ordering::Relaxed),
            broken_append_groups: counters.broken_groups.load(Ordering::Relaxed),
            writes: groups.writes.load(Ordering::Relaxed),
            write_groups: groups.groups.load(Ordering::Relaxed),
            writes_alone: groups.alone.load(Ordering::Relaxed),
            broken_write_groups: groups.broken_groups.load(Ordering::Relaxed),
            waiting: self.appends.waiting().saturating_add(self.groups.waiting()),
            connections,
            idle,
        }
    }
}

/// What a store has done since it was opened, and what it has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Calls that appended, with those that were refused.
    pub appends: u64,
    /// Those of them that were not written in one round trip.
    pub long_appends: u64,
    /// The groups that carried them.
    pub append_groups: u64,
    /// Groups that were done a second time because a message was in its conversation already.
    pub repeated_append_groups: u64,
    /// Those of the groups that failed as a whole, and whose members were tried one by one.
    pub broken_append_groups: u64,
    /// Calls that wrote anything else.
    pub writes: u64,
    /// The groups that carried them, each one commit.
    pub write_groups: u64,
    /// Those of the calls that had a transaction of their own after all.
    pub writes_alone: u64,
    /// Those of the groups that failed as a whole, and whose members were done one by one.
    pub broken_write_groups: u64,
    /// Calls that stand in line.
    pub waiting: usize,
    /// Open connections.
    pub connections: u32,
    /// Those of them that nobody uses at the moment.
    pub idle: u32,
}

#[async_trait]
impl Readiness for PostgresStore {
    /// Whether the store can work: PostgreSQL answers, every table is as this program needs it, and a transaction that
    /// writes is durable. What it writes is a record of the write-ahead log that nobody reads; no table changes.
    async fn ready(&self) -> Rows<()> {
        let looking = async {
            on!(self.read, (), |connection| async { migrations::check(connection.pg()).await }).await?;
            self.database.run(|tx| Box::pin(async move { Ok(connection::probe(tx.connection()).await?) })).await
        };
        self.database.hear(PATIENCE, looking).await
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
