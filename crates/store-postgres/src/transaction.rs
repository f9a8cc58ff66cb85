//! A transaction, or a connection that only reads, and what it does in PostgreSQL's own way.

use std::collections::HashMap;

use diesel_async::RunQueryDsl;
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
use flightdeck_store_sql::audit;
use flightdeck_store_sql::connection::Connection as _;
use flightdeck_store_sql::error::SqlError;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::tx::{Dialect, Done, SqlTx, heads, single};
use flightdeck_store_sql::values::{Key, integer, json};
use flightdeck_store_sql::words::Words;

use crate::group::{Ask, Seat, sets};
use crate::line::Line;
use crate::statement::Column;
use crate::{accounts, locks, messages};

/// What a script works with.
pub type Transaction = SqlTx<Remote>;

/// A connection with a transaction on it, alone or as a member of a group.
///
/// What many members of a group do at the same time, the group does for all of them: they ask for it, or write it down. The
/// rest they do by themselves on the connection that they share. What locks more than one session they cannot do in a
/// group, and leave it.
#[derive(Debug)]
pub struct Remote {
    pub(crate) line: Line,
    events: Vec<FleetEventDraft>,
    settled: bool,
}

impl Remote {
    pub(crate) const fn on(line: Line) -> Self {
        Self { line, events: Vec::new(), settled: false }
    }

    /// Tells the events that were kept. From here to the end of the transaction nobody else tells any.
    pub(crate) async fn tell_all(&mut self) -> Done<()> {
        let events = std::mem::take(&mut self.events);
        match (events.as_slice(), self.settled) {
            ([], _) => Ok(()),
            (events, false) => tell(&self.line, events).await,
            (_, true) => Err(SqlError::Order),
        }
    }

    /// What can only be done alone.
    fn alone(&self) -> Done<()> {
        self.line.seat().map_or(Ok(()), Seat::leave)
    }
}

/// Gives the events the next places, in their order. Whoever calls this holds up all others that do, until the end of the
/// transaction: so places are dense, and become visible in their order.
pub(crate) async fn tell(line: &Line, events: &[FleetEventDraft]) -> Done<()> {
    let count = integer(events.len());
    Prepared::with(
        "WITH head AS (UPDATE feed_head SET position = position + ? RETURNING position) \
         INSERT INTO feed_events (position, kind, session_id, at, data) \
         SELECT head.position - ? + event.place, event.kind, event.session_id, event.at, event.data \
         FROM head, unnest(?::text[], ?::uuid[], ?::bigint[], ?::text[]) WITH ORDINALITY AS event (kind, session_id, at, data, place)",
        [
            Column::One(Bind::Integer(count)),
            Column::One(Bind::Integer(count)),
            Column::Texts(events.iter().map(|event| event.kind.as_str().into()).collect()),
            Column::MaybeIds(events.iter().map(|event| event.session_id.as_ref().map(Key::key)).collect()),
            Column::Integers(events.iter().map(|event| event.at.as_micros()).collect()),
            Column::Texts(events.iter().map(|event| json(&event.data).into()).collect()),
        ],
    )
    .execute(&mut line.pg())
    .await?;
    Ok(())
}

/// Has the group do something, where there is one; otherwise does it by one statement.
macro_rules! ask {
    ($remote:ident, $ask:expr, $alone:expr) => {
        match $remote.line.seat() {
            Some(seat) => seat.ask($ask).await,
            None => $alone.await,
        }
    };
}

/// Has the group write something, where there is one; otherwise writes it by one statement.
macro_rules! write {
    ($remote:ident, $write:expr, $alone:expr) => {
        match $remote.line.seat() {
            Some(seat) => Ok(seat.write($write)),
            None => $alone.await,
        }
    };
}

impl Dialect for Remote {
    type Connection = Line;

    fn connection(&mut self) -> &mut Line {
        &mut self.line
    }

    async fn lock_tree(&mut self, how: TreeLock) -> Done<()> {
        match how {
            TreeLock::Shared => ask!(self, Ask::LockTree, locks::tree_shared(&self.line)),
            TreeLock::Alone => {
                self.alone()?;
                locks::tree_alone(&self.line).await
            }
        }
    }

    async fn lock_everything_open(&mut self) -> Done<()> {
        self.alone()?;
        locks::everything_open(&self.line).await
    }

    async fn lock_operations_of(&mut self, sessions: &[SessionId]) -> Done<()> {
        self.alone()?;
        locks::operations_of(&self.line, sessions).await
    }

    async fn lock_keys(&mut self) -> Done<()> {
        self.alone()?;
        locks::all_keys(&self.line).await
    }

    async fn lock_key(&mut self, id: &KeyId) -> Done<Option<ApiKey>> {
        self.alone()?;
        single::lock_key(&mut self.line, id).await
    }

    async fn lock_login(&mut self, id: &LoginId) -> Done<Option<Login>> {
        self.alone()?;
        single::lock_login(&mut self.line, id).await
    }

    async fn lock_provider_config(&mut self, name: &ConfigName) -> Done<Option<ProviderConfig>> {
        self.alone()?;
        single::lock_provider_config(&mut self.line, name).await
    }

    async fn lock_runner(&mut self, name: &RunnerName) -> Done<Option<Runner>> {
        self.alone()?;
        single::lock_runner(&mut self.line, name).await
    }

    async fn lock_assignment(&mut self, session: SessionId) -> Done<Option<Assignment>> {
        self.alone()?;
        single::lock_assignment(&mut self.line, session).await
    }

    async fn lock_sink(&mut self, name: &SinkName) -> Done<Option<Sink>> {
        self.alone()?;
        single::lock_sink(&mut self.line, name).await
    }

    async fn lock_retention(&mut self) -> Done<Retention> {
        self.alone()?;
        single::lock_retention(&mut self.line).await
    }

    async fn lock_call(&mut self, actor: &Actor, key: &IdempotencyKey) -> Done<()> {
        let (actor, key) = (actor.as_str(), key.as_str());
        ask!(
            self,
            |reply| Ask::LockCall(actor.to_owned(), key.to_owned(), reply),
            locks::idempotency_key(&self.line, actor, key)
        )
    }

    async fn session(&mut self, id: SessionId) -> Done<Option<Session>> {
        ask!(self, |reply| Ask::Session(id, reply), single::whole(&mut self.line, id))
    }

    async fn head(&mut self, id: SessionId) -> Done<Option<Session>> {
        ask!(self, |reply| Ask::Head(id, reply), single::head(&mut self.line, id))
    }

    async fn lock_session(&mut self, id: SessionId) -> Done<Option<Session>> {
        ask!(self, |reply| Ask::LockSession(id, reply), single::lock_whole(&mut self.line, id))
    }

    async fn lock_head(&mut self, id: SessionId) -> Done<Option<Session>> {
        ask!(self, |reply| Ask::LockHead(id, reply), single::lock_head(&mut self.line, id))
    }

    async fn lock_heads(&mut self, ids: &[SessionId]) -> Done<Vec<Session>> {
        self.alone()?;
        heads(&mut self.line, ids, Words::Postgres.lock()).await
    }

    async fn insert_session(&mut self, session: &Session) -> Done<bool> {
        match self.line.seat() {
            Some(seat) => seat.ask(|reply| Ask::Insert(Box::new(session.clone()), reply)).await,
            None => Ok(self.line.insert_session(session).await? > 0),
        }
    }

    async fn save_session(&mut self, session: &Session) -> Done<()> {
        write!(self, |writes| writes.save(session), single::save(&mut self.line, session))
    }

    async fn touch_session(&mut self, id: SessionId, last_seq: Seq, seen: Timestamp) -> Done<()> {
        write!(self, |writes| writes.touch(id, last_seq, seen), single::touch(&mut self.line, id, last_seq, seen))
    }

    async fn line(&mut self, from: SessionId) -> Done<Vec<Ancestor>> {
        ask!(self, |reply| Ask::Ancestors(from, reply), single::upwards(&mut self.line, from))
    }

    async fn kill_switch(&mut self) -> Done<bool> {
        ask!(self, Ask::KillSwitch, single::kill_switch(&mut self.line))
    }

    async fn insert_messages(&mut self, new: &[Message]) -> Done<()> {
        write!(self, |writes| writes.insert_messages(new), messages::insert(&self.line, new))
    }

    async fn known_messages(&mut self, id: SessionId, batch: &[NewMessage]) -> Done<HashMap<MessageId, Message>> {
        let wanted: Vec<_> = batch.iter().map(|message| (id, message.id)).collect();
        self.line.ready().await?;
        let known = messages::known(&self.line, &wanted).await?;
        Ok(known.into_iter().map(|message| (message.id, message)).collect())
    }

    async fn messages_after(&mut self, id: SessionId, after: Seq, limit: usize) -> Done<Option<MessageSlice>> {
        self.line.ready().await?;
        messages::after(&self.line, id, after, limit).await
    }

    async fn messages_before(&mut self, id: SessionId, before: Seq, limit: usize) -> Done<Option<MessageSlice>> {
        self.line.ready().await?;
        messages::before(&self.line, id, before, limit).await
    }

    async fn insert_command(&mut self, command: &Command) -> Done<()> {
        write!(self, |writes| writes.insert_command(command), single::insert_command(&mut self.line, command))
    }

    async fn command(&mut self, session: SessionId, seq: CommandSeq) -> Done<Option<Command>> {
        ask!(self, |reply| Ask::Command(session, seq, reply), single::command(&mut self.line, session, seq))
    }

    async fn save_command(&mut self, command: &Command) -> Done<()> {
        write!(self, |writes| writes.save_command(command), single::save_command(&mut self.line, command))
    }

    async fn count_pending(&mut self, session: SessionId) -> Done<u64> {
        ask!(self, |reply| Ask::Pending(session, reply), single::count_pending(&mut self.line, session))
    }

    async fn insert_operation(&mut self, operation: &Operation) -> Done<()> {
        write!(self, |writes| writes.insert_operation(operation), single::insert_operation(&mut self.line, operation))
    }

    async fn lock_operation(&mut self, id: OperationId) -> Done<Option<Operation>> {
        ask!(self, |reply| Ask::LockOperation(id, reply), single::lock_operation(&mut self.line, id))
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Done<()> {
        write!(self, |writes| writes.insert_targets(targets), sets::insert_targets(&self.line, targets))
    }

    async fn open_targets(&mut self, session: SessionId) -> Done<Vec<OperationTarget>> {
        ask!(self, |reply| Ask::OpenTargets(session, reply), single::open_targets(&mut self.line, session))
    }

    async fn remember(&mut self, actor: &Actor, key: &IdempotencyKey, call: &Remembered) -> Done<()> {
        write!(self, |writes| writes.remember(actor, key, call), single::remember(&mut self.line, actor, key, call))
    }

    async fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> Done<()> {
        write!(self, |writes| writes.open_account(key, at), single::open_account(&mut self.line, key, at))
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Done<HashMap<AccountKey, Account>> {
        self.alone()?;
        accounts::open(&self.line, keys.iter().map(|key| (key, at))).await?;
        accounts::lock(&self.line, keys).await
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Done<()> {
        self.alone()?;
        accounts::put(&self.line, accounts).await
    }

    async fn add_days(&mut self, days: &[UsageDay]) -> Done<()> {
        self.alone()?;
        accounts::add_days(&self.line, days).await
    }

    /// The head of the feed is locked late: events are kept until the transaction writes all of them together.
    async fn tell(&mut self, event: FleetEventDraft) -> Done<()> {
        match self.line.seat() {
            Some(_) if self.settled => Err(SqlError::Order),
            Some(seat) => {
                seat.write(|writes| writes.tell(event));
                Ok(())
            }
            None => {
                self.events.push(event);
                Ok(())
            }
        }
    }

    async fn settle(&mut self) -> Done<()> {
        self.tell_all().await?;
        self.settled = true;
        Ok(())
    }

    async fn record(&mut self, entry: AuditDraft) -> Done<AuditSeq> {
        self.settle().await?;
        match self.line.seat() {
            Some(seat) => seat.ask(|reply| Ask::Record(Box::new(entry), reply)).await,
            None => audit::append(&mut self.line, entry).await,
        }
    }
}
