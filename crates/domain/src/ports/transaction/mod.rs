//! What a transaction can do with the rows of a store.
//!
//! Each operation reads or writes rows and contains no rule. The rules and the order are in [`crate::transactions`], as
//! functions over [`Tx`]. A store implements these traits, and [`Transactional`] to open, commit and repeat a
//! transaction; it then has every repository port.
//!
//! # Contract of all operations
//! - A read gives the state at the beginning of the transaction or later, including its own writes.
//! - An error ends the transaction, and nothing that it wrote stays.
//! - Nobody else changes a locked row until the end of the transaction. Stores with one writer need no locks; the
//!   default implementations of the operations that only lock do nothing. A transaction that takes several locks takes
//!   them in this order: a key of calls, the tree, sessions by their ids, operations by their ids, accounts by their
//!   keys, the feed, the audit log.
//! - [`RecordRows::record`] is the last thing that a transaction writes, except for the remembered call.

mod access;
mod approval;
mod change_report;
mod control;
mod provider_config;
mod record;
mod retention;
mod rows;
mod runner;
mod session;
mod sink;
mod survey;
mod talk;
mod usage;

use std::pin::Pin;

pub use access::AccessRows;
pub use approval::ApprovalRows;
pub use change_report::ChangeReportRows;
pub use control::ControlRows;
pub use provider_config::ProviderConfigRows;
pub use record::RecordRows;
pub use retention::RetentionRows;
pub use rows::Rows;
pub use runner::RunnerRows;
pub use session::{SessionRows, TreeLock};
pub use sink::SinkRows;
pub use survey::SurveyRows;
pub use talk::TalkRows;
pub use usage::{MissionAccounts, UsageRows};

use super::{AppendError, AppendOutcome, StoreUnavailable};
use crate::ids::SessionId;
use crate::message::NewMessage;
use crate::time::Timestamp;

/// All operations of a transaction.
pub trait Tx:
    SessionRows
    + TalkRows
    + ControlRows
    + ApprovalRows
    + UsageRows
    + AccessRows
    + ProviderConfigRows
    + RunnerRows
    + SurveyRows
    + SinkRows
    + RetentionRows
    + ChangeReportRows
    + RecordRows
    + Send
{
}

impl<T> Tx for T where
    T: SessionRows
        + TalkRows
        + ControlRows
        + ApprovalRows
        + UsageRows
        + AccessRows
        + ProviderConfigRows
        + RunnerRows
        + SurveyRows
        + SinkRows
        + RetentionRows
        + ChangeReportRows
        + RecordRows
        + Send
{
}

/// The result of a piece of work.
pub type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A store that runs transactions.
///
/// Work that has begun is completed, whether or not the caller still waits for it.
///
/// ```
/// use flightdeck_domain::ids::{Seq, SessionId};
/// use flightdeck_domain::ports::{Rows, Transactional, Tx};
///
/// /// A script: it reads rows, asks a rule, writes what the rule gives back.
/// async fn newest<T: Tx>(tx: &mut T, session: SessionId) -> Rows<Option<Seq>> {
///     Ok(tx.head(session).await?.map(|session| session.last_seq))
/// }
///
/// /// The same script, whatever the store.
/// async fn newest_in<S: Transactional>(store: &S, session: SessionId) -> Rows<Option<Seq>> {
///     store.read(move |tx| Box::pin(newest(tx, session))).await
/// }
/// ```
#[allow(async_fn_in_trait, reason = "the futures are declared to be Send")]
pub trait Transactional: Send + Sync {
    /// A transaction of this store.
    type Tx: Tx + 'static;

    /// Runs work in one transaction, and returns when its writes are durable. If the work returns an error, nothing is
    /// written. A store may repeat the work from its beginning after a conflict with other transactions.
    fn write<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static;

    /// Reads with one operation, which sees one moment by itself.
    fn read<T, F>(&self, work: F) -> impl Future<Output = Rows<T>> + Send
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static;

    /// Reads with several operations that all see the same moment.
    fn read_moment<T, F>(&self, work: F) -> impl Future<Output = Rows<T>> + Send
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.read(work)
    }

    /// Appends a batch to a conversation, as [`crate::transactions::append`] does. A store may take many appends into
    /// one commit, as long as each has the result that it would have alone.
    fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> impl Future<Output = Result<AppendOutcome, AppendError>> + Send;
}
