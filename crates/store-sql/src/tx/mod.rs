//! What a transaction of either database can do with its rows: the traits of [`flightdeck_domain::ports`], each
//! implemented once.

mod access;
mod approval;
mod control;
mod record;
mod session;
mod session_list;
mod session_tree;
mod talk;
mod usage;

pub use self::session::head;
pub use self::usage::account;

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operation::OperationTarget;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{MessageSlice, Rows, TreeLock};
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey};

use crate::connection::{Connection, Sql};
use crate::error::SqlError;
use crate::words::Words;

/// What an operation of a dialect gives.
pub type Done<T> = Result<T, SqlError>;

/// A transaction, and what its database does in a way of its own. A database with one writer needs no locks, and keeps the
/// ones that are given here, which do nothing.
pub trait Dialect: Send {
    /// Where its statements run.
    type Connection: Connection;

    /// The same.
    fn connection(&mut self) -> &mut Self::Connection;

    /// See [`flightdeck_domain::ports::SessionRows::lock_tree`].
    fn lock_tree(&mut self, _how: TreeLock) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }

    /// See [`flightdeck_domain::ports::SessionRows::lock_everything_open`].
    fn lock_everything_open(&mut self) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }

    /// See [`flightdeck_domain::ports::SessionRows::lock_operations_of`].
    fn lock_operations_of(&mut self, _sessions: &[SessionId]) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }

    /// See [`flightdeck_domain::ports::AccessRows::lock_keys`].
    fn lock_keys(&mut self) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }

    /// Keeps others out of the calls that an actor makes with a key.
    fn lock_call(&mut self, _actor: &Actor, _key: &IdempotencyKey) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }

    /// Inserts any number of messages.
    fn insert_messages(&mut self, new: &[Message]) -> impl Future<Output = Done<()>> + Send;

    /// The messages of a session that have an id of the batch.
    fn known_messages(
        &mut self,
        session: SessionId,
        batch: &[NewMessage],
    ) -> impl Future<Output = Done<HashMap<MessageId, Message>>> + Send;

    /// At most `limit` messages after a place, in order, and not many more than [`MessageSlice::ENOUGH_BYTES`], without
    /// their receipts; `None` for a session that is not there.
    fn messages_after(
        &mut self,
        session: SessionId,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Done<Option<MessageSlice>>> + Send;

    /// The same for the last messages before a place.
    fn messages_before(
        &mut self,
        session: SessionId,
        before: Seq,
        limit: usize,
    ) -> impl Future<Output = Done<Option<MessageSlice>>> + Send;

    /// Inserts any number of targets.
    fn insert_targets(&mut self, targets: &[OperationTarget]) -> impl Future<Output = Done<()>> + Send;

    /// Locks accounts and gives them; opens those that are not there.
    fn lock_accounts(
        &mut self,
        keys: &[AccountKey],
        at: Timestamp,
    ) -> impl Future<Output = Done<HashMap<AccountKey, Account>>> + Send;

    /// Writes accounts as they now are.
    fn put_accounts(&mut self, accounts: &[Account]) -> impl Future<Output = Done<()>> + Send;

    /// Tells an event, at the latest with the next [`Dialect::settle`].
    fn tell(&mut self, event: FleetEventDraft) -> impl Future<Output = Done<()>> + Send;

    /// Makes sure that all events are told: what follows is the entry of the audit log, and the last of the transaction.
    fn settle(&mut self) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }
}

/// A transaction of a [`Dialect`], which has every operation that scripts call.
#[derive(Debug)]
pub struct SqlTx<D>(pub D);

impl<D> Deref for SqlTx<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.0
    }
}

impl<D> DerefMut for SqlTx<D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.0
    }
}

impl<D: Dialect> SqlTx<D> {
    const WORDS: Words = D::Connection::WORDS;

    async fn execute(&mut self, statement: impl Sql) -> Rows<()> {
        self.connection().run(statement).await?;
        Ok(())
    }
}
