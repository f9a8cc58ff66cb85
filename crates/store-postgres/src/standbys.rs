//! Standbys of the database, for reads that may lag.
//!
//! *Invariants.* A standby is read only while it is known to have been complete within the bound, in the history that the
//! primary has ([`following`]); [`ReadCopy::look`] finds that out, in the background, and no request waits for it. Whatever
//! goes wrong at a standby is no error of a request: the caller asks the primary. A standby that has failed a request is not
//! asked again before it has answered a look.

mod following;
mod position;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use flightdeck_domain::audit::SealedAuditEntry;
use flightdeck_domain::ids::{AuditSeq, Seq, SessionId};
use flightdeck_domain::ports::{CopyState, MessageSlice, ReadCopy, TalkRows as _};
use flightdeck_store_sql::audit;
use tokio::runtime::Handle;

use self::following::{Following, Unfit};
use crate::connection::Connector;
use crate::database::Database;
use crate::error::{OpenError, StoreError};
use crate::pool::{self, Failures};
use crate::settings::{Options, Settings};
use crate::url::Target;
use crate::{Opening, PostgresStore, transfer};

/// How long a standby may take for a page. The primary then gives it; nothing is lost but this time, and once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a standby is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hindrance {
    /// It was not asked yet.
    New,
    /// It, or the primary, does not answer.
    Away,
    Unfit(Unfit),
}

impl Hindrance {
    const fn state(&self) -> CopyState {
        match self {
            Self::New | Self::Away => CopyState::Away,
            Self::Unfit(Unfit::NoStandby) => CopyState::NoCopy,
            Self::Unfit(Unfit::OtherHistory) => CopyState::OtherHistory,
            Self::Unfit(Unfit::Behind) => CopyState::Behind,
        }
    }
}

/// One standby.
struct Standby {
    /// Where it is, for a person.
    name: String,
    database: Database,
    following: Mutex<Following>,
    /// The moment since which it may lack something, or why it is not read.
    found: Mutex<Result<Instant, Hindrance>>,
}

/// The standbys of a store, each host that the URL names. They are read in turn.
pub struct PostgresStandbys {
    primary: Arc<PostgresStore>,
    standbys: Vec<Standby>,
    bound: Duration,
    turn: AtomicUsize,
}

impl PostgresStandbys {
    /// Takes the standbys of `primary`. The URL is one as for [`PostgresStore::open`]; every host in it is a standby by
    /// itself. Nothing is read from one that was longer ago than `bound` complete. They may be away: nobody is waited for.
    ///
    /// `target_session_attrs` may be `standby`, `prefer-standby`, `read-only` or `any`, which all mean the same: servers that
    /// are standbys are read, and the primary of the store for want of one.
    ///
    /// # Errors
    /// The URL makes no sense.
    #[must_use = "nothing is done until it is awaited"]
    pub fn open<'a>(
        primary: &'a Arc<PostgresStore>,
        url: &'a str,
        bound: Duration,
        options: Options,
        handle: Handle,
    ) -> Opening<'a, Self> {
        Box::pin(async move {
            // Of a standby only readers have connections.
            let options = Options { writers: 1, write_groups: 1, append_shards: 1, ..options };
            let settings = Arc::new(Settings::of(&options));
            let mut standbys = Vec::new();
            for target in Target::standbys(url)? {
                let name = target.name();
                let connector = Connector::new(target, Arc::clone(&settings), handle.clone());
                let (failures, owner, settings) = (Failures::default(), handle.clone(), Arc::clone(&settings));
                let noted = failures.clone();
                let pool = handle.spawn(async move { pool::pool(connector, noted, options).await });
                let pool = pool.await.map_err(|_stopped| OpenError::Runtime)?;
                let pool = pool.map_err(|source| OpenError::Connect { database: name.clone(), source })?;
                standbys.push(Standby {
                    name,
                    database: Database::new(pool, owner, failures, settings, &options),
                    following: Mutex::new(Following::new(bound)),
                    found: Mutex::new(Err(Hindrance::New)),
                });
            }
            Ok(Self { primary: Arc::clone(primary), standbys, bound, turn: AtomicUsize::new(0) })
        })
    }

    /// The next one that may be read.
    fn fit(&self) -> Option<&Standby> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(self.standbys.len()).unwrap_or_default();
        let (before, from) = self.standbys.split_at_checked(first)?;
        from.iter().chain(before).find(|standby| standby.state(self.bound) == CopyState::Read)
    }

    async fn read<T, R>(&self, reading: impl FnOnce(Database) -> R) -> Option<T>
    where
        T: Send + 'static,
        R: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let standby = self.fit()?;
        match limited(&standby.database, PATIENCE, reading(standby.database.clone())).await {
            Ok(read) => Some(read),
            Err(error) => {
                standby.set(Err(Hindrance::Away), Some(&error));
                None
            }
        }
    }
}

impl Standby {
    fn state(&self, bound: Duration) -> CopyState {
        match &*self.found.lock().unwrap_or_else(PoisonError::into_inner) {
            Ok(as_of) if as_of.elapsed() <= bound => CopyState::Read,
            Ok(_) => CopyState::Behind,
            Err(hindrance) => hindrance.state(),
        }
    }

    /// Notes what was found. What is not as before is told in the log, once.
    fn set(&self, found: Result<Instant, Hindrance>, cause: Option<&StoreError>) {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = match (&*known, &found) {
            (Ok(_), Ok(_)) => false,
            (Err(before), Err(now)) => before != now,
            _ => true,
        };
        let standby = &self.name;
        if is_news {
            match &found {
                Ok(_) => tracing::info!(standby, "the standby is up to date, and read"),
                Err(Hindrance::Unfit(unfit)) => {
                    tracing::warn!(standby, why = %unfit, "the standby is not read; the primary is read instead");
                }
                Err(Hindrance::New | Hindrance::Away) => {
                    let cause = cause.map(|error| -> &dyn std::error::Error { error });
                    tracing::warn!(standby, cause, "the standby is not read; the primary is read instead");
                }
            }
        }
        *known = found;
    }

    async fn look(&self, primary: &Database, bound: Duration) {
        let patience = PATIENCE.min(bound);
        let there = self.database.clone();
        let at = limited(&self.database, patience, async move {
            there.read((), |(), line| Box::pin(position::of_standby(line.pg()))).await
        });
        let at = match at.await {
            Ok(at) => at,
            Err(error) => return self.set(Err(Hindrance::Away), Some(&error)),
        };
        let (asked, here) = (Instant::now(), primary.clone());
        let primary = limited(primary, patience, async move {
            here.read((), |(), line| Box::pin(position::of_primary(line.pg()))).await
        });
        // When the primary does not answer, what is known of it gets old, and with it what is known of the standby.
        let Ok(primary) = primary.await else { return };
        let as_of = {
            let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
            following.note(asked, primary);
            following.as_of(&at)
        };
        self.set(as_of.map_err(Hindrance::Unfit), None);
    }
}

/// Runs a read, but does not wait for it for long.
async fn limited<T: Send + 'static>(
    database: &Database,
    patience: Duration,
    reading: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    // The caller's runtime may know no time.
    let handle = database.handle();
    let limited = handle.spawn(async move { tokio::time::timeout(patience, reading).await });
    match limited.await.map_err(StoreError::stopped)? {
        Ok(done) => done,
        Err(_late) => {
            let why = database.last_failure();
            Err(StoreError::NoConnection(why.unwrap_or_else(|| format!("no answer within {} s", patience.as_secs()))))
        }
    }
}

/// What a look at one standby found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandbyFindings {
    /// Where it is, without a password.
    pub name: String,
    /// How many bytes of the log it has not replayed, or why it is not read.
    pub behind: Result<i64, String>,
}

/// Looks at each standby that a URL names, and at their primary. Changes nothing. A standby that is far behind is no fault
/// of it: a server measures that by time.
///
/// # Errors
/// The primary cannot be asked, or a URL makes no sense.
#[must_use = "nothing is done until it is awaited"]
pub fn examine_standbys<'a>(
    primary: &'a str,
    standbys: &'a str,
    options: &'a Options,
    handle: Handle,
) -> Opening<'a, Vec<StandbyFindings>> {
    Box::pin(async move {
        let unreachable = |database: &str, source: StoreError| OpenError::Standbys {
            database: database.to_owned(),
            source: Box::new(source),
        };
        let (connector, name) = transfer::connector(primary, options, handle.clone())?;
        let primary = transfer::connect(&connector, &name).await?;
        let settings = Arc::new(Settings::of(options));
        let mut found = Vec::new();
        for target in Target::standbys(standbys)? {
            let standby = target.name();
            let connector = Connector::new(target, Arc::clone(&settings), handle.clone());
            let there = match connector.connect().await {
                Ok(connection) => position::of_standby(&connection).await.map_err(|error| told(&error)),
                Err(error) => Err(error.to_string()),
            };
            let asked = Instant::now();
            let here = position::of_primary(&primary).await.map_err(|error| unreachable(&name, error))?;
            let mut following = Following::new(Duration::MAX);
            let written = here.written;
            following.note(asked, here);
            let behind = there.and_then(|at| match following.as_of(&at) {
                Ok(_) | Err(Unfit::Behind) => Ok(written.saturating_sub(at.replayed.unwrap_or_default()).max(0)),
                Err(unfit) => Err(unfit.to_string()),
            });
            found.push(StandbyFindings { name: standby, behind });
        }
        Ok(found)
    })
}

/// The whole chain in one text.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[async_trait]
impl ReadCopy for PostgresStandbys {
    fn state(&self) -> CopyState {
        let states = || self.standbys.iter().map(|standby| standby.state(self.bound));
        states().find(|state| *state == CopyState::Read).or_else(|| states().next()).unwrap_or(CopyState::Away)
    }

    async fn messages_after(&self, session: SessionId, after: Seq, limit: usize) -> Option<MessageSlice> {
        self.read(move |database| async move {
            let page = database.look(move |tx| Box::pin(async move { tx.messages_after(session, after, limit).await }));
            Ok(page.await?)
        })
        .await
        .flatten()
    }

    async fn messages_before(&self, session: SessionId, before: Seq, limit: usize) -> Option<MessageSlice> {
        self.read(move |database| async move {
            let page =
                database.look(move |tx| Box::pin(async move { tx.messages_before(session, before, limit).await }));
            Ok(page.await?)
        })
        .await
        .flatten()
    }

    async fn audit_entries(&self, after: AuditSeq, limit: usize) -> Option<Vec<SealedAuditEntry>> {
        self.read(move |database| async move {
            database.read((after, limit), |(after, limit), line| Box::pin(audit::walk(line, *after, *limit))).await
        })
        .await
    }

    async fn look(&self) {
        for standby in &self.standbys {
            standby.look(&self.primary.database, self.bound).await;
        }
    }
}

impl std::fmt::Debug for PostgresStandbys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStandbys").field("state", &self.state()).finish_non_exhaustive()
    }
}
