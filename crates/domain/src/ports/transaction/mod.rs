//! What a transaction can do with the rows of a store.
//!
//! Each operation reads or writes rows and holds no rule: what may happen, and in which order, stands once in
//! [`crate::transactions`], as functions over [`Tx`]. A store implements these traits, and [`Transactional`] to open,
//! commit and do again; it then has every repository port.
//!
//! # What holds for all of them
//! - Everything that is read is as it was when the transaction began or later, with what it wrote itself.
//! - An error ends the transaction: nothing that it wrote stays.
//! - What is locked is changed by nobody else until the end of the transaction. Stores with one writer need no locks; the
//!   operations that only lock do nothing there, as they are given here. Whoever takes several locks takes them in this
//!   order: a key of calls, the tree, sessions by their ids, operations by their ids, accounts by their keys, the feed, the
//!   audit log.
//! - [`RecordRows::record`] is the last thing that a transaction writes.

mod access;
mod approval;
mod control;
mod record;
mod rows;
mod session;
mod talk;
mod usage;

use std::pin::Pin;

pub use access::AccessRows;
pub use approval::ApprovalRows;
pub use control::ControlRows;
pub use record::RecordRows;
pub use rows::Rows;
pub use session::{SessionRows, TreeLock};
pub use talk::TalkRows;
pub use usage::{MissionAccounts, UsageRows};

use super::{AppendError, AppendOutcome, StoreUnavailable};
use crate::ids::SessionId;
use crate::message::NewMessage;
use crate::time::Timestamp;

/// Everything that a transaction can do.
pub trait Tx: SessionRows + TalkRows + ControlRows + ApprovalRows + UsageRows + AccessRows + RecordRows + Send {}

impl<T> Tx for T where
    T: SessionRows + TalkRows + ControlRows + ApprovalRows + UsageRows + AccessRows + RecordRows + Send
{
}

/// What a piece of work gives in the end.
pub type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A store that runs transactions.
///
/// What is begun is done to its end, whether or not the caller still waits for it.
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

    /// Runs work in one transaction, and returns when what it wrote is durable. When the work gives an error nothing of it is
    /// written. A store may do the work again from its beginning, when others that ran at the same time broke it off.
    fn write<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static;

    /// Reads by one operation, which sees one moment by itself.
    fn read<T, F>(&self, work: F) -> impl Future<Output = Rows<T>> + Send
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static;

    /// Reads by several operations that all see the same moment.
    fn read_moment<T, F>(&self, work: F) -> impl Future<Output = Rows<T>> + Send
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.read(work)
    }

    /// Appends a batch to a conversation, as [`crate::transactions::append`] does. A store may take many appends into one
    /// commit, as long as each has the result that it would have by itself.
    fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> impl Future<Output = Result<AppendOutcome, AppendError>> + Send;
}
