//! The pool of connections, and which of them are no longer good.
//!
//! *Invariant.* No connection outlives the news that its server does not allow writes. A pool keeps what it has; but after a
//! failover, what was the primary may answer as a standby, and whoever got a connection to it would read what is old and
//! fail to write. So a refused write closes its connection, and all others that were open at that time when they are given
//! back or would be given out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bb8::{ManageConnection, Pool, RunError};
use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection;

use crate::connection::Connector;
use crate::error::StoreError;
use crate::settings::Options;

/// How often all connections are replaced at most: a database that is read-only for an hour is still read from.
const BETWEEN: Duration = Duration::from_secs(1);

/// The connections of a store.
pub(crate) type Connections = Pool<Manager>;

/// Opens the connections of a pool, and says which are no longer good.
#[derive(Debug)]
pub(crate) struct Manager {
    connector: Connector,
    failures: Failures,
    ages: Arc<Mutex<Ages>>,
}

/// A connection of the pool.
pub(crate) struct Pooled {
    pub(crate) pg: AsyncPgConnection,
    age: u64,
    retired: AtomicBool,
    ages: Arc<Mutex<Ages>>,
}

/// The age in which connections are opened. All of an earlier age are to be closed.
#[derive(Debug, Default)]
struct Ages {
    current: u64,
    ended: Option<Instant>,
    /// Whether the current age is to end as soon as it may.
    over: bool,
}

impl Ages {
    fn at(&mut self, now: Instant) -> u64 {
        if self.over && self.ended.is_none_or(|ended| now.saturating_duration_since(ended) >= BETWEEN) {
            *self = Self { current: self.current.wrapping_add(1), ended: Some(now), over: false };
        }
        self.current
    }

    fn end(&mut self, age: u64) {
        self.over |= age == self.current;
    }
}

fn now(ages: &Mutex<Ages>) -> u64 {
    ages.lock().unwrap_or_else(PoisonError::into_inner).at(Instant::now())
}

impl Pooled {
    /// Sees to it that nobody gets this connection again, nor any other that is open now.
    pub(crate) fn retire(&self) {
        if !self.retired.swap(true, Ordering::Relaxed) {
            tracing::warn!("the database does not allow writes; connections to it are replaced");
            self.ages.lock().unwrap_or_else(PoisonError::into_inner).end(self.age);
        }
    }

    fn is_good(&mut self) -> bool {
        !self.pg.is_broken() && !self.retired.load(Ordering::Relaxed) && self.age == now(&self.ages)
    }
}

impl ManageConnection for Manager {
    type Connection = Pooled;

    type Error = ConnectionError;

    async fn connect(&self) -> Result<Pooled, ConnectionError> {
        // What is said of the age while it is opened concerns it, too.
        let age = now(&self.ages);
        let opened = self.connector.connect().await;
        self.failures.note(opened.as_ref().err().map(ToString::to_string));
        Ok(Pooled { pg: opened?, age, retired: AtomicBool::new(false), ages: Arc::clone(&self.ages) })
    }

    /// A query that proves the connection would cost a third of what can be done in a second. The server may have closed it
    /// while it lay in the pool.
    async fn is_valid(&self, connection: &mut Pooled) -> Result<(), ConnectionError> {
        if connection.is_good() {
            Ok(())
        } else {
            Err(ConnectionError::BadConnection("it is no longer good".to_owned()))
        }
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        std::thread::panicking() || !connection.is_good()
    }
}

/// Why the last attempt to open a connection failed; a pool that runs out of time does not say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(Arc<Mutex<Option<String>>>);

impl Failures {
    fn note(&self, failure: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Why the last attempt failed, if it did.
    pub(crate) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it means that no connection was to be had.
    pub(crate) fn explain(&self, error: &RunError<ConnectionError>) -> StoreError {
        match (error, self.last()) {
            (RunError::User(error), _) => StoreError::NoConnection(error.to_string()),
            (RunError::TimedOut, Some(last)) => StoreError::NoConnection(last),
            (RunError::TimedOut, None) => StoreError::NoConnection("all connections are in use".to_owned()),
        }
    }
}

/// The pool. Must be called in a task of the runtime that is to own it.
pub(crate) async fn pool(
    connector: Connector,
    failures: Failures,
    options: Options,
) -> Result<Connections, ConnectionError> {
    Pool::builder()
        .max_size(options.connections())
        .connection_timeout(options.acquire_timeout.max(Duration::from_millis(1)))
        // An idle connection is a process of the server; one that was needed once is soon needed again.
        .idle_timeout(Some(Duration::from_mins(10)))
        .build(Manager { connector, failures, ages: Arc::default() })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_ends_when_one_of_its_connections_is_refused_and_not_too_often() {
        let (mut ages, start) = (Ages::default(), Instant::now());
        assert_eq!(ages.at(start), 0);
        ages.end(0);
        assert_eq!(ages.at(start), 1);
        ages.end(0);
        assert_eq!(ages.at(start + BETWEEN), 1, "it has ended already");
        ages.end(1);
        assert_eq!(ages.at(start + BETWEEN / 2), 1, "a moment later");
        assert_eq!(ages.at(start + BETWEEN), 2, "and not forgotten");
        assert_eq!(ages.at(start + 9 * BETWEEN), 2);
    }
}
