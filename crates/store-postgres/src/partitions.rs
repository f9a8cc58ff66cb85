//! The table of messages, put into parts while servers work on it.
//!
//! Both keys of a message begin with its session, and nothing refers to messages, so a table that is partitioned by the hash
//! of the session has the same unique keys: a message that is sent again is found in the part of its session.
//!
//! A second table is made beside the one that is used. From then on a trigger adds each new message to both; what was there
//! before is copied stretch by stretch, then compared. At the end the tables exchange their names, in one short transaction.
//! How far it is stands in the database, in the transaction of each step: whoever goes on, goes on there. Servers need not
//! know of any of it: they use the table `messages`, whichever it is.

mod sql;

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use self::sql::Stretch;
use crate::error::OpenError;
use crate::settings::Options;
use crate::{Opening, migrations, transfer};

/// How many rows a step copies or compares at most. It is a fraction of a second.
const ROWS: u32 = 2_000;

/// How long a lock that others wait behind is waited for, before they are let go on.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// How the messages are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageLayout {
    /// In one table, as in a new database.
    Whole {
        /// About how many there are.
        estimate: u64,
    },
    /// On their way into parts.
    Moving(MoveProgress),
    /// In parts.
    Parts {
        /// Whether the table from before is still there.
        old: bool,
    },
}

/// How far a move is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveProgress {
    /// What is being done.
    pub phase: MovePhase,
    /// With how many messages it was done.
    pub done: u64,
    /// About how many there were when the move began.
    pub estimate: u64,
}

/// A phase of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovePhase {
    /// Messages are copied.
    Copy,
    /// Both tables are compared.
    Compare,
    /// Both are the same, and will exchange their names.
    Switch,
}

impl MovePhase {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Compare => "compare",
            Self::Switch => "switch",
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveStep {
    /// A part of the work.
    Worked,
    /// Nothing: somebody else holds it up. Try again after a while.
    Waits(MoveWaits),
    /// The last one: the messages are in parts.
    Done,
}

/// What a move waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveWaits {
    /// The lock of the table: somebody reads or writes it in a long transaction.
    Lock,
    /// So many transactions that began before the copy was complete.
    Transactions(u64),
}

/// Why a move does not go on.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// Rows are in one of the tables alone, or are not the same in both.
    #[error(
        "the copy of the messages is not the same as the messages behind {session} {seq}; undo the move, and begin again"
    )]
    Differs {
        /// The session of the last message before them.
        session: String,
        /// Its place.
        seq: i64,
    },
    /// The tables have been changed by hand or by a newer version.
    #[error("the copy of the messages has another shape than the messages; undo the move, and begin again")]
    Shape,
    /// Nothing can be done in this layout.
    #[error("{0}")]
    Layout(&'static str),
    /// Somebody reads or writes the messages in a long transaction.
    #[error("the messages are in use by a long transaction; try again")]
    Locked,
    /// PostgreSQL did not do it.
    #[error("PostgreSQL did not run a statement of the move")]
    Database(#[from] tokio_postgres::Error),
    /// PostgreSQL gave something that makes no sense.
    #[error("the state of the move cannot be read")]
    Unreadable,
}

/// Puts the messages of a database into parts.
pub struct MessageParts {
    client: Client,
}

impl MessageParts {
    /// Connects. The database has to be up to date.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    #[must_use = "nothing is done until it is awaited"]
    pub fn open<'a>(url: &'a str, options: &'a Options, handle: Handle) -> Opening<'a, Self> {
        Box::pin(async move {
            let (connector, name) = transfer::connector(url, options, handle)?;
            let connection = transfer::connect(&connector, &name).await?;
            migrations::check(&connection)
                .await
                .map_err(|source| OpenError::Outdated { database: name.clone(), source: source.into() })?;
            let client = connector.client().await;
            Ok(Self { client: client.map_err(|source| OpenError::Connect { database: name, source })? })
        })
    }

    /// How the messages are stored.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn layout(&self) -> Result<MessageLayout, MoveError> {
        let row = self.row(sql::LAYOUT).await?;
        if flag(&row, "moving")? {
            return Ok(MessageLayout::Moving(self.progress().await?.0));
        }
        if flag(&row, "parts")? {
            return Ok(MessageLayout::Parts { old: flag(&row, "old")? });
        }
        Ok(MessageLayout::Whole { estimate: count(&row, "estimate")? })
    }

    /// Begins the move, or goes on with one, by one step.
    ///
    /// # Errors
    /// See [`MoveError`]. What is done so far stays.
    pub async fn step(&self) -> Result<MoveStep, MoveError> {
        let stepped = match self.layout().await? {
            MessageLayout::Parts { .. } => return Ok(MoveStep::Done),
            MessageLayout::Whole { .. } => self.transaction(async || self.begin().await).await,
            MessageLayout::Moving(_) => self.transaction(async || self.go_on().await).await,
        };
        match stepped {
            Err(MoveError::Locked) => Ok(MoveStep::Waits(MoveWaits::Lock)),
            stepped => stepped,
        }
    }

    /// Removes what a move has made that is not complete. The messages stay where they are.
    ///
    /// # Errors
    /// See [`MoveError`].
    pub async fn undo(&self) -> Result<(), MoveError> {
        let MessageLayout::Moving(_) = self.layout().await? else {
            return Err(MoveError::Layout("there is no move that could be undone"));
        };
        self.transaction(async || self.all(sql::UNDO).await).await
    }

    /// Removes the table from before the move.
    ///
    /// # Errors
    /// See [`MoveError`].
    pub async fn drop_old(&self) -> Result<(), MoveError> {
        match self.layout().await? {
            MessageLayout::Parts { old: true } => self.transaction(async || self.all(&[sql::DROP_OLD]).await).await,
            _ => Err(MoveError::Layout("there is no old table that could be removed")),
        }
    }

    async fn begin(&self) -> Result<MoveStep, MoveError> {
        for sql in sql::begin() {
            self.client.batch_execute(&sql).await?;
        }
        Ok(MoveStep::Worked)
    }

    /// One step, by itself in a transaction; others that would do it wait.
    async fn go_on(&self) -> Result<MoveStep, MoveError> {
        self.client.batch_execute("LOCK TABLE messages_move IN EXCLUSIVE MODE").await?;
        let (progress, after) = self.progress().await?;
        if progress.phase == MovePhase::Switch {
            return self.switch().await;
        }
        let upto = match self.rows(&Stretch::end(&after, ROWS)).await?.first() {
            Some(row) => Some((text(row, "session_id")?.to_owned(), number(row, "seq")?)),
            None => None,
        };
        let stretch = Stretch { after, upto };
        let done = if progress.phase == MovePhase::Copy {
            self.client.batch_execute(&stretch.copy()).await?;
            i64::from(ROWS)
        } else {
            let compared = self.row(&stretch.compare()).await?;
            if !flag(&compared, "same")? {
                let (session, seq) = stretch.after;
                return Err(MoveError::Differs { session, seq });
            }
            number(&compared, "rows")?
        };
        let next = match (&stretch.upto, progress.phase) {
            (Some(upto), _) => sql::advance(upto, done),
            (None, MovePhase::Copy) => sql::turn_to(MovePhase::Compare.as_str()),
            (None, _) => {
                // Of a table in parts nobody else takes the statistics of the whole.
                self.client.batch_execute("ANALYZE messages_next").await?;
                sql::turn_to(MovePhase::Switch.as_str())
            }
        };
        self.client.batch_execute(&next).await?;
        Ok(MoveStep::Worked)
    }

    async fn switch(&self) -> Result<MoveStep, MoveError> {
        let old = count(&self.row(sql::OLD_TRANSACTIONS).await?, "count")?;
        if old > 0 {
            return Ok(MoveStep::Waits(MoveWaits::Transactions(old)));
        }
        self.client.batch_execute(sql::LOCK).await?;
        if !flag(&self.row(sql::IS_READY).await?, "ready")? {
            return Err(MoveError::Shape);
        }
        self.all(sql::SWITCH).await?;
        Ok(MoveStep::Done)
    }

    /// How far the move is, and behind which message.
    async fn progress(&self) -> Result<(MoveProgress, (String, i64)), MoveError> {
        let row = self.row(sql::MOVE).await?;
        let phases = [MovePhase::Copy, MovePhase::Compare, MovePhase::Switch];
        let word = text(&row, "phase")?;
        let phase = phases.into_iter().find(|phase| phase.as_str() == word).ok_or(MoveError::Unreadable)?;
        let progress = MoveProgress { phase, done: count(&row, "done")?, estimate: count(&row, "estimate")? };
        Ok((progress, (text(&row, "session_id")?.to_owned(), number(&row, "seq")?)))
    }

    async fn all(&self, statements: &[&str]) -> Result<(), MoveError> {
        for sql in statements {
            self.client.batch_execute(sql).await?;
        }
        Ok(())
    }

    /// Runs work in a transaction that waits for no lock for long. What fails is undone as a whole.
    async fn transaction<T>(&self, work: impl AsyncFnOnce() -> Result<T, MoveError>) -> Result<T, MoveError> {
        let limit = LOCK_TIMEOUT.as_millis();
        // The stretches are read along the primary key, whatever the planner knows of the table: by the first column of a key
        // alone, each step would read all of a long conversation.
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {limit}; \
             SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
        );
        self.client.batch_execute(&begin).await?;
        match work().await {
            Ok(done) => {
                self.client.batch_execute("COMMIT").await?;
                Ok(done)
            }
            Err(error) => {
                self.client.batch_execute("ROLLBACK").await?;
                Err(match error {
                    MoveError::Database(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                        MoveError::Locked
                    }
                    error => error,
                })
            }
        }
    }

    async fn rows(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, MoveError> {
        let messages = self.client.simple_query(sql).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn row(&self, sql: &str) -> Result<SimpleQueryRow, MoveError> {
        self.rows(sql).await?.pop().ok_or(MoveError::Unreadable)
    }
}

fn text<'r>(row: &'r SimpleQueryRow, column: &str) -> Result<&'r str, MoveError> {
    row.try_get(column)?.ok_or(MoveError::Unreadable)
}

fn number(row: &SimpleQueryRow, column: &str) -> Result<i64, MoveError> {
    text(row, column)?.parse().map_err(|_not_a_number| MoveError::Unreadable)
}

fn count(row: &SimpleQueryRow, column: &str) -> Result<u64, MoveError> {
    u64::try_from(number(row, column)?).map_err(|_negative| MoveError::Unreadable)
}

fn flag(row: &SimpleQueryRow, column: &str) -> Result<bool, MoveError> {
    Ok(text(row, column)? == "t")
}

impl std::fmt::Debug for MessageParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageParts").finish_non_exhaustive()
    }
}
