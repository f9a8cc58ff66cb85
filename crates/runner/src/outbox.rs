//! The outbox: what is to be sent, durable before it is promised. A small SQLite with one thread that writes.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::StoreUnavailable;
use tokio::sync::oneshot;
use uuid::Uuid;

// The crate is here for its feature: SQLite comes with the binary.
use libsqlite3_sys as _;

/// So much goes into one transaction at most.
const GROUP: usize = 500;
/// So many entries are sent together at most.
const PAGE: i64 = 500;

const SCHEMA: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS identity (instance TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS held (session TEXT NOT NULL PRIMARY KEY, token INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS below (session TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS items (
        id     INTEGER PRIMARY KEY AUTOINCREMENT,
        holder TEXT    NOT NULL,
        kind   TEXT    NOT NULL,
        path   TEXT    NOT NULL,
        body   TEXT    NOT NULL
    );
    CREATE INDEX IF NOT EXISTS items_holder ON items (holder, id);
";

/// Why the outbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Another runner has it.
    #[error("another runner works in this folder; give each its own --data-dir")]
    InUse,
    /// The folder or the file cannot be used.
    #[error("the outbox cannot be opened")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Failed(error.into())
}

/// One thing to send, about an assignment or a session below it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Entry {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    /// `message`, `ack`, `approval`, or what else it is.
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) path: String,
    #[diesel(sql_type = Text)]
    pub(crate) body: String,
}

/// An assignment that an earlier run has held, and the sessions below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) session: SessionId,
    pub(crate) token: u64,
    pub(crate) below: Vec<SessionId>,
}

#[derive(QueryableByName)]
struct HeldRow {
    #[diesel(sql_type = Text)]
    session: String,
    #[diesel(sql_type = BigInt)]
    token: i64,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// One change of the outbox.
enum Change {
    Hold(SessionId, u64),
    Below(SessionId, SessionId),
    /// Kind, path and body.
    Put(SessionId, &'static str, String, String),
    /// The same in place of what is there for the path.
    Replace(SessionId, &'static str, String, String),
    /// Everything of an assignment up to this entry has arrived.
    Sent(SessionId, i64),
    Release(SessionId),
}

type Done = oneshot::Sender<Result<(), Arc<str>>>;

/// The outbox of a runner. Its clones are the same one; the folder is free when the last of them is gone.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Inner>);

struct Inner {
    /// There until the drop.
    writer: Option<mpsc::Sender<(Change, Done)>>,
    thread: Option<std::thread::JoinHandle<()>>,
    reader: Mutex<SqliteConnection>,
    instance: Uuid,
    /// What happens behind the next look at what is to be sent.
    #[cfg(test)]
    after_next: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Nobody else works in the folder while this is there: the last field, for it goes after both connections.
    _lock: File,
}

impl Drop for Inner {
    /// Waits for the writer to close its connection, which may still write: only then is the folder another's.
    fn drop(&mut self) {
        drop(self.writer.take());
        // The thread has panicked or ended; either way it holds nothing any more.
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

impl Outbox {
    /// Opens the outbox of a folder, which exists.
    ///
    /// # Errors
    /// Another runner has it, or it cannot be used.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let lock = File::create(folder.join("runner.lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let file = folder.join("outbox.db");
        let connect = || {
            let mut connection = SqliteConnection::establish(&file.to_string_lossy()).map_err(failed)?;
            connection.batch_execute(SCHEMA).map_err(failed)?;
            Ok::<_, OpenError>(connection)
        };
        let (mut writing, mut reading) = (connect()?, connect()?);
        let instance = instance(&mut reading)?;
        let (writer, changes) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || write_all(&mut writing, &changes))
            .map_err(failed)?;
        let (writer, thread) = (Some(writer), Some(thread));
        Ok(Self(Arc::new(Inner {
            writer,
            thread,
            reader: Mutex::new(reading),
            instance,
            #[cfg(test)]
            after_next: Mutex::default(),
            _lock: lock,
        })))
    }

    /// Which runner this is, over all its restarts.
    pub(crate) fn instance(&self) -> Uuid {
        self.0.instance
    }

    async fn change(&self, change: Change) -> Result<(), StoreUnavailable> {
        let (done, written) = oneshot::channel();
        let stopped = || StoreUnavailable::new("the outbox has stopped");
        self.0.writer.as_ref().and_then(|writer| writer.send((change, done)).ok()).ok_or_else(stopped)?;
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(StoreUnavailable::new(why.to_string())),
            Err(_) => Err(stopped()),
        }
    }

    /// Notes an assignment whose agent is about to be started.
    pub(crate) async fn hold(&self, session: SessionId, token: u64) -> Result<(), StoreUnavailable> {
        self.change(Change::Hold(session, token)).await
    }

    /// Notes a session below an assignment's.
    pub(crate) async fn below(&self, session: SessionId, holder: SessionId) -> Result<(), StoreUnavailable> {
        self.change(Change::Below(session, holder)).await
    }

    /// Puts something in that is to be sent.
    pub(crate) async fn put(
        &self,
        holder: SessionId,
        kind: &'static str,
        path: String,
        body: String,
    ) -> Result<(), StoreUnavailable> {
        self.change(Change::Put(holder, kind, path, body)).await
    }

    /// The same in place of what was put in for the path and is not sent.
    pub(crate) async fn replace(
        &self,
        holder: SessionId,
        kind: &'static str,
        path: String,
        body: String,
    ) -> Result<(), StoreUnavailable> {
        self.change(Change::Replace(holder, kind, path, body)).await
    }

    /// Everything of an assignment up to this entry has arrived.
    pub(crate) async fn sent(&self, holder: SessionId, through: i64) -> Result<(), StoreUnavailable> {
        self.change(Change::Sent(holder, through)).await
    }

    /// Forgets an assignment, with everything that was to be sent.
    pub(crate) async fn release(&self, holder: SessionId) -> Result<(), StoreUnavailable> {
        self.change(Change::Release(holder)).await
    }

    /// What is to be sent next of an assignment. Blocks for as long as the disk takes.
    pub(crate) fn next(&self, holder: SessionId) -> Result<Vec<Entry>, StoreUnavailable> {
        let mut reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let page = diesel::sql_query("SELECT id, kind, path, body FROM items WHERE holder = ? ORDER BY id LIMIT ?")
            .bind::<Text, _>(holder.to_string())
            .bind::<BigInt, _>(PAGE)
            .load(&mut *reader)
            .map_err(StoreUnavailable::new);
        #[cfg(test)]
        if let Some(then) = self.0.after_next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            then();
        }
        page
    }

    /// Has something happen between the next look at what is to be sent and its answer.
    #[cfg(test)]
    pub(crate) fn after_next(&self, then: impl FnOnce() + Send + 'static) {
        *self.0.after_next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(then));
    }

    /// The assignments that an earlier run has held.
    pub(crate) fn left(&self) -> Result<Vec<Left>, StoreUnavailable> {
        let mut reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let held: Vec<HeldRow> = diesel::sql_query("SELECT session, token FROM held ORDER BY session")
            .load(&mut *reader)
            .map_err(StoreUnavailable::new)?;
        let mut all = Vec::new();
        for HeldRow { session, token } in held {
            let below: Vec<NameRow> =
                diesel::sql_query("SELECT session AS name FROM below WHERE holder = ? ORDER BY session")
                    .bind::<Text, _>(&session)
                    .load(&mut *reader)
                    .map_err(StoreUnavailable::new)?;
            let Ok(session) = session.parse() else { continue };
            let below = below.into_iter().filter_map(|row| row.name.parse().ok()).collect();
            all.push(Left { session, token: u64::try_from(token).unwrap_or_default(), below });
        }
        Ok(all)
    }
}

/// The id of this runner; made when there is none.
fn instance(connection: &mut SqliteConnection) -> Result<Uuid, OpenError> {
    let known: Option<NameRow> = diesel::sql_query("SELECT instance AS name FROM identity LIMIT 1")
        .get_result(connection)
        .optional()
        .map_err(failed)?;
    if let Some(id) = known.and_then(|row| row.name.parse().ok()) {
        return Ok(id);
    }
    let id = {
        use flightdeck_domain::ports::IdGenerator as _;
        flightdeck_domain::system::SystemIds.uuid()
    };
    diesel::sql_query("INSERT INTO identity (instance) VALUES (?)")
        .bind::<Text, _>(id.to_string())
        .execute(connection)
        .map_err(failed)?;
    Ok(id)
}

/// Writes what comes, as much as waits in one transaction: all of it is durable before anybody hears so.
fn write_all(connection: &mut SqliteConnection, changes: &mpsc::Receiver<(Change, Done)>) {
    while let Ok(first) = changes.recv() {
        let mut group = vec![first];
        group.extend(changes.try_iter().take(GROUP));
        let written = connection
            .immediate_transaction(|connection| group.iter().try_for_each(|(change, _)| write(connection, change)));
        let outcome = written.map_err(|error: diesel::result::Error| Arc::<str>::from(error.to_string()));
        for (_, done) in group {
            // Whoever asked may have gone.
            let _ = done.send(outcome.clone());
        }
    }
}

fn write(connection: &mut SqliteConnection, change: &Change) -> QueryResult<()> {
    match change {
        Change::Hold(session, token) => diesel::sql_query("INSERT OR REPLACE INTO held (session, token) VALUES (?, ?)")
            .bind::<Text, _>(session.to_string())
            .bind::<BigInt, _>(i64::try_from(*token).unwrap_or(i64::MAX))
            .execute(connection),
        Change::Below(session, holder) => {
            diesel::sql_query("INSERT OR IGNORE INTO below (session, holder) VALUES (?, ?)")
                .bind::<Text, _>(session.to_string())
                .bind::<Text, _>(holder.to_string())
                .execute(connection)
        }
        Change::Put(holder, kind, path, body) => put(connection, *holder, kind, path, body),
        Change::Replace(holder, kind, path, body) => {
            diesel::sql_query("DELETE FROM items WHERE holder = ? AND kind = ? AND path = ?")
                .bind::<Text, _>(holder.to_string())
                .bind::<Text, _>(*kind)
                .bind::<Text, _>(path)
                .execute(connection)?;
            put(connection, *holder, kind, path, body)
        }
        Change::Sent(holder, through) => diesel::sql_query("DELETE FROM items WHERE holder = ? AND id <= ?")
            .bind::<Text, _>(holder.to_string())
            .bind::<BigInt, _>(*through)
            .execute(connection),
        Change::Release(holder) => [
            "DELETE FROM items WHERE holder = ?",
            "DELETE FROM below WHERE holder = ?",
            "DELETE FROM held WHERE session = ?",
        ]
        .iter()
        .try_fold(0, |_, sql| diesel::sql_query(*sql).bind::<Text, _>(holder.to_string()).execute(connection)),
    }
    .map(drop)
}

fn put(connection: &mut SqliteConnection, holder: SessionId, kind: &str, path: &str, body: &str) -> QueryResult<usize> {
    diesel::sql_query("INSERT INTO items (holder, kind, path, body) VALUES (?, ?, ?, ?)")
        .bind::<Text, _>(holder.to_string())
        .bind::<Text, _>(kind)
        .bind::<Text, _>(path)
        .bind::<Text, _>(body)
        .execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(n: u128) -> SessionId {
        SessionId::new(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn of_what_is_replaced_the_last_one_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = Outbox::open(folder.path()).expect("opened");
        for (holder, path, body) in [(1, "/a", "1"), (1, "/b", "2"), (2, "/a", "3"), (1, "/a", "4")] {
            outbox.put(session(holder), "message", path.to_owned(), "said".to_owned()).await.expect("kept");
            outbox.replace(session(holder), "changes", path.to_owned(), body.to_owned()).await.expect("kept");
        }
        let page = outbox.next(session(1)).expect("read");
        let left: Vec<(&str, &str)> = page.iter().map(|entry| (&*entry.path, &*entry.body)).collect();
        assert_eq!(left, [("/a", "said"), ("/b", "said"), ("/b", "2"), ("/a", "said"), ("/a", "4")]);
        assert_eq!(outbox.next(session(2)).expect("read").len(), 2, "others have nothing to do with it");
    }

    #[tokio::test]
    async fn what_was_put_in_is_there_after_a_restart_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let instance = {
            let outbox = Outbox::open(folder.path()).expect("opened");
            outbox.hold(session(1), 7).await.expect("kept");
            outbox.below(session(2), session(1)).await.expect("kept");
            for n in 0..1_000 {
                outbox.put(session(1 + n % 2 * 8), "message", "/p".to_owned(), n.to_string()).await.expect("kept");
            }
            assert!(matches!(Outbox::open(folder.path()), Err(OpenError::InUse)));
            outbox.instance()
        };
        for _ in 0..50 {
            drop(Outbox::open(folder.path()).expect("free as soon as the last of it is gone"));
        }
        let outbox = Outbox::open(folder.path()).expect("opened again");
        assert_eq!(outbox.instance(), instance);
        assert_eq!(outbox.left().expect("read"), [Left { session: session(1), token: 7, below: vec![session(2)] }]);
        let page = outbox.next(session(1)).expect("read");
        let bodies: Vec<u32> = page.iter().map(|entry| entry.body.parse().expect("a number")).collect();
        assert_eq!(bodies, (0..1_000).step_by(2).collect::<Vec<_>>());
        let (_, half) = page.split_at(250);
        outbox.sent(session(1), half[0].id).await.expect("noted");
        assert_eq!(outbox.next(session(1)).expect("read").len(), 249);
        outbox.hold(session(1), 8).await.expect("kept");
        assert_eq!(outbox.left().expect("read")[0].token, 8, "a later token goes before an earlier one");
        outbox.release(session(1)).await.expect("forgotten");
        assert_eq!((outbox.next(session(1)).expect("read").len(), outbox.left().expect("read").len()), (0, 0));
        assert_eq!(outbox.next(session(9)).expect("read").len(), 500, "others have nothing to do with it");
    }
}
