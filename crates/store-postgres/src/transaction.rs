//! A transaction, or a connection that only reads, and what it does in PostgreSQL's own way.

use std::collections::HashMap;
use std::ops::DerefMut;

use diesel_async::{AsyncPgConnection, RunQueryDsl};
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operation::OperationTarget;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{MessageSlice, TreeLock};
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey};
use flightdeck_store_sql::error::SqlError;
use flightdeck_store_sql::rows::operation::NewTargetRow;
use flightdeck_store_sql::schema::operation_targets;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::tx::{Dialect, Done, SqlTx};
use flightdeck_store_sql::values::{Key, integer, json};

use crate::database::Leased;
use crate::statement::Column;
use crate::{accounts, locks, messages};

/// What a script works with.
pub type Transaction = SqlTx<Remote<Leased>>;

/// A connection with a transaction on it.
pub struct Remote<C> {
    pub(crate) connection: C,
    events: Vec<FleetEventDraft>,
    settled: bool,
}

/// The most targets in one `INSERT`: a statement takes 65,535 values.
const CHUNK: usize = 1_000;

impl<C> Remote<C> {
    pub(crate) const fn on(connection: C) -> Self {
        Self { connection, events: Vec::new(), settled: false }
    }
}

impl<C: DerefMut<Target = AsyncPgConnection>> Remote<C> {
    /// Tells the events that were kept. From here to the end of the transaction nobody else tells any.
    pub(crate) async fn tell_all(&mut self) -> Done<()> {
        let events = std::mem::take(&mut self.events);
        match (events.as_slice(), self.settled) {
            ([], _) => Ok(()),
            (events, false) => tell(&mut self.connection, events).await,
            (_, true) => Err(SqlError::Order),
        }
    }
}

/// Gives the events the next places, in their order. Whoever calls this holds up all others that do, until the end of the
/// transaction: so places are dense, and become visible in their order.
async fn tell(connection: &mut AsyncPgConnection, events: &[FleetEventDraft]) -> Done<()> {
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
    .execute(connection)
    .await?;
    Ok(())
}

impl<C: DerefMut<Target = AsyncPgConnection> + Send> Dialect for Remote<C> {
    type Connection = AsyncPgConnection;

    fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    async fn lock_tree(&mut self, how: TreeLock) -> Done<()> {
        match how {
            TreeLock::Shared => locks::tree_shared(&mut self.connection).await,
            TreeLock::Alone => locks::tree_alone(&mut self.connection).await,
        }
    }

    async fn lock_everything_open(&mut self) -> Done<()> {
        locks::everything_open(&mut self.connection).await
    }

    async fn lock_operations_of(&mut self, sessions: &[SessionId]) -> Done<()> {
        locks::operations_of(&mut self.connection, sessions).await
    }

    async fn lock_keys(&mut self) -> Done<()> {
        locks::all_keys(&mut self.connection).await
    }

    async fn lock_call(&mut self, actor: &Actor, key: &IdempotencyKey) -> Done<()> {
        locks::idempotency_key(&mut self.connection, actor.as_str(), key.as_str()).await
    }

    async fn insert_messages(&mut self, new: &[Message]) -> Done<()> {
        messages::insert(&mut self.connection, new).await
    }

    async fn known_messages(&mut self, id: SessionId, batch: &[NewMessage]) -> Done<HashMap<MessageId, Message>> {
        let wanted: Vec<_> = batch.iter().map(|message| (id, message.id)).collect();
        let known = messages::known(&mut self.connection, &wanted).await?;
        Ok(known.into_iter().map(|message| (message.id, message)).collect())
    }

    async fn messages_after(&mut self, id: SessionId, after: Seq, limit: usize) -> Done<Option<MessageSlice>> {
        messages::after(&mut self.connection, id, after, limit).await
    }

    async fn messages_before(&mut self, id: SessionId, before: Seq, limit: usize) -> Done<Option<MessageSlice>> {
        messages::before(&mut self.connection, id, before, limit).await
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Done<()> {
        for chunk in targets.chunks(CHUNK) {
            let rows: Vec<NewTargetRow<'_>> = chunk.iter().map(NewTargetRow::from).collect();
            diesel::insert_into(operation_targets::table).values(&rows).execute(&mut *self.connection).await?;
        }
        Ok(())
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Done<HashMap<AccountKey, Account>> {
        accounts::open(&mut self.connection, keys, at).await?;
        accounts::lock(&mut self.connection, keys).await
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Done<()> {
        accounts::put(&mut self.connection, accounts).await
    }

    /// The head of the feed is locked late: events are kept until the transaction writes all of them together.
    async fn tell(&mut self, event: FleetEventDraft) -> Done<()> {
        self.events.push(event);
        Ok(())
    }

    async fn settle(&mut self) -> Done<()> {
        self.tell_all().await?;
        self.settled = true;
        Ok(())
    }
}

impl<C> std::fmt::Debug for Remote<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}
