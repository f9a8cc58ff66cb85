//! What a database does in a way of its own.

use std::collections::HashMap;

use flightdeck_domain::action::Remembered;
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, KeyId, MessageId, OperationId, Seq, SessionId};
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{MessageSlice, TreeLock};
use flightdeck_domain::provider_config::{ConfigName, ProviderConfig};
use flightdeck_domain::retention::Retention;
use flightdeck_domain::runner::{Assignment, Runner, RunnerName};
use flightdeck_domain::session::{Ancestor, Session};
use flightdeck_domain::sink::{Sink, SinkName};
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, UsageDay};

use super::{
    access, control, provider_config, retention, runner, session, session_tree, sink, talk, usage, usage_days,
};
use crate::audit;
use crate::connection::Connection;
use crate::error::SqlError;

/// What an operation of a dialect gives.
pub type Done<T> = Result<T, SqlError>;

/// A transaction, and what its database does in a way of its own. A database with one writer needs no locks, and keeps the
/// ones that are given here, which do nothing. What one statement does in both is given here, too: a database that takes
/// the writes of many callers together does it for all of them at once.
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

    /// Adds to what sessions used on days with models.
    fn add_days(&mut self, days: &[UsageDay]) -> impl Future<Output = Done<()>> + Send {
        async move {
            for used in days {
                usage_days::add(self.connection(), used).await?;
            }
            Ok(())
        }
    }

    /// Tells an event, at the latest with the next [`Dialect::settle`].
    fn tell(&mut self, event: FleetEventDraft) -> impl Future<Output = Done<()>> + Send;

    /// Makes sure that all events are told: what follows is the entry of the audit log, and the last of the transaction.
    fn settle(&mut self) -> impl Future<Output = Done<()>> + Send {
        async { Ok(()) }
    }

    /// A session.
    fn session(&mut self, id: SessionId) -> impl Future<Output = Done<Option<Session>>> + Send {
        async move { session::whole(self.connection(), id).await }
    }

    /// A head.
    fn head(&mut self, id: SessionId) -> impl Future<Output = Done<Option<Session>>> + Send {
        async move { session::head(self.connection(), id).await }
    }

    /// A session, locked.
    fn lock_session(&mut self, id: SessionId) -> impl Future<Output = Done<Option<Session>>> + Send {
        async move { session::lock_whole(self.connection(), id).await }
    }

    /// A head, locked.
    fn lock_head(&mut self, id: SessionId) -> impl Future<Output = Done<Option<Session>>> + Send {
        async move { session::lock_head(self.connection(), id).await }
    }

    /// Heads, locked, in the order of their ids.
    fn lock_heads(&mut self, ids: &[SessionId]) -> impl Future<Output = Done<Vec<Session>>> + Send {
        async move { session::heads(self.connection(), ids, Self::Connection::WORDS.lock()).await }
    }

    /// Inserts a session; `false` when there is one under its id.
    fn insert_session(&mut self, session: &Session) -> impl Future<Output = Done<bool>> + Send {
        async move { Ok(self.connection().insert_session(session).await? > 0) }
    }

    /// Writes what can change of a session.
    fn save_session(&mut self, session: &Session) -> impl Future<Output = Done<()>> + Send {
        async move { session::save(self.connection(), session).await }
    }

    /// Writes where a conversation ends and when its session was seen.
    fn touch_session(
        &mut self,
        id: SessionId,
        last_seq: Seq,
        seen: Timestamp,
    ) -> impl Future<Output = Done<()>> + Send {
        async move { session::touch(self.connection(), id, last_seq, seen).await }
    }

    /// A session, its parent, and so on to the top.
    fn line(&mut self, from: SessionId) -> impl Future<Output = Done<Vec<Ancestor>>> + Send {
        async move { session_tree::upwards(self.connection(), from).await }
    }

    /// Whether the kill switch is engaged.
    fn kill_switch(&mut self) -> impl Future<Output = Done<bool>> + Send {
        async move { session::kill_switch(self.connection()).await }
    }

    /// Inserts a command.
    fn insert_command(&mut self, command: &Command) -> impl Future<Output = Done<()>> + Send {
        async move { talk::insert_command(self.connection(), command).await }
    }

    /// A command.
    fn command(&mut self, session: SessionId, seq: CommandSeq) -> impl Future<Output = Done<Option<Command>>> + Send {
        async move { talk::command(self.connection(), session, seq).await }
    }

    /// Writes what can change of a command.
    fn save_command(&mut self, command: &Command) -> impl Future<Output = Done<()>> + Send {
        async move { talk::save_command(self.connection(), command).await }
    }

    /// How many commands of a session are pending.
    fn count_pending(&mut self, session: SessionId) -> impl Future<Output = Done<u64>> + Send {
        async move { talk::count_pending(self.connection(), session).await }
    }

    /// Inserts an operation.
    fn insert_operation(&mut self, operation: &Operation) -> impl Future<Output = Done<()>> + Send {
        async move { control::insert_operation(self.connection(), operation).await }
    }

    /// An operation, locked.
    fn lock_operation(&mut self, id: OperationId) -> impl Future<Output = Done<Option<Operation>>> + Send {
        async move { control::lock_operation(self.connection(), id).await }
    }

    /// The open targets of a session, in the order of their operations' ids.
    fn open_targets(&mut self, session: SessionId) -> impl Future<Output = Done<Vec<OperationTarget>>> + Send {
        async move { control::open_targets(self.connection(), session).await }
    }

    /// Remembers a call.
    fn remember(
        &mut self,
        actor: &Actor,
        key: &IdempotencyKey,
        call: &Remembered,
    ) -> impl Future<Output = Done<()>> + Send {
        async move { control::remember(self.connection(), actor, key, call).await }
    }

    /// Opens an account, where there is none.
    fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> impl Future<Output = Done<()>> + Send {
        async move { usage::open_account(self.connection(), key, at).await }
    }

    /// A key, locked.
    fn lock_key(&mut self, id: &KeyId) -> impl Future<Output = Done<Option<ApiKey>>> + Send {
        async move { access::lock_key(self.connection(), id).await }
    }

    /// A login, locked.
    fn lock_login(&mut self, id: &LoginId) -> impl Future<Output = Done<Option<Login>>> + Send {
        async move { access::lock_login(self.connection(), id).await }
    }

    /// A configuration of a provider, locked.
    fn lock_provider_config(&mut self, name: &ConfigName) -> impl Future<Output = Done<Option<ProviderConfig>>> + Send {
        async move { provider_config::lock_provider_config(self.connection(), name).await }
    }

    /// A runner, locked.
    fn lock_runner(&mut self, name: &RunnerName) -> impl Future<Output = Done<Option<Runner>>> + Send {
        async move { runner::lock_runner(self.connection(), name).await }
    }

    /// An assignment, locked.
    fn lock_assignment(&mut self, session: SessionId) -> impl Future<Output = Done<Option<Assignment>>> + Send {
        async move { runner::lock_assignment(self.connection(), session).await }
    }

    /// A sink, locked.
    fn lock_sink(&mut self, name: &SinkName) -> impl Future<Output = Done<Option<Sink>>> + Send {
        async move { sink::lock_sink(self.connection(), name).await }
    }

    /// The rules of retention, locked.
    fn lock_retention(&mut self) -> impl Future<Output = Done<Retention>> + Send {
        async move { retention::lock_retention(self.connection()).await }
    }

    /// Puts an entry at the end of the audit log, behind all events of the transaction.
    fn record(&mut self, entry: AuditDraft) -> impl Future<Output = Done<AuditSeq>> + Send {
        async move {
            self.settle().await?;
            audit::append(self.connection(), entry).await
        }
    }
}
