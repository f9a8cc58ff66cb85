//! What a transaction does in SQLite's own way.
//!
//! SQLite has a trap: it looks at the value of a `LIMIT ?` when it plans, and so plans anew whenever a value is bound.
//! `LIMIT CAST(? AS BIGINT)` is planned once.

use std::collections::HashMap;

use diesel::prelude::*;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::operation::OperationTarget;
use flightdeck_domain::ports::MessageSlice;
use flightdeck_domain::session::Session;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey};
use flightdeck_store_sql::connection::Connection as _;
use flightdeck_store_sql::rows::account::AccountRow;
use flightdeck_store_sql::rows::feed::NewEventRow;
use flightdeck_store_sql::rows::operation::NewTargetRow;
use flightdeck_store_sql::schema::{accounts, feed_events, operation_targets};
use flightdeck_store_sql::tx::{Dialect, Done, account, head};

use crate::messages;
use crate::tx::Embedded;

/// Messages of a session, without their receipts.
fn slice(session: &Session, messages: Vec<Message>) -> MessageSlice {
    MessageSlice { messages, receipts: HashMap::new(), last_seq: session.last_seq, status: session.status }
}

impl Dialect for Embedded {
    type Connection = SqliteConnection;

    fn connection(&mut self) -> &mut SqliteConnection {
        self
    }

    async fn insert_messages(&mut self, new: &[Message]) -> Done<()> {
        messages::insert(self, new)
    }

    async fn known_messages(&mut self, id: SessionId, batch: &[NewMessage]) -> Done<HashMap<MessageId, Message>> {
        messages::known(self, id, batch)
    }

    async fn messages_after(&mut self, id: SessionId, after: Seq, limit: usize) -> Done<Option<MessageSlice>> {
        let Some(session) = head(self.connection(), id).await? else { return Ok(None) };
        Ok(Some(slice(&session, messages::after(self, id, after, limit)?)))
    }

    async fn messages_before(&mut self, id: SessionId, before: Seq, limit: usize) -> Done<Option<MessageSlice>> {
        let Some(session) = head(self.connection(), id).await? else { return Ok(None) };
        Ok(Some(slice(&session, messages::before(self, id, before, limit)?)))
    }

    async fn insert_targets(&mut self, targets: &[OperationTarget]) -> Done<()> {
        for target in targets {
            let row = NewTargetRow::from(target);
            self.connection().run(diesel::insert_into(operation_targets::table).values(&row)).await?;
        }
        Ok(())
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Done<HashMap<AccountKey, Account>> {
        let mut found = HashMap::with_capacity(keys.len());
        for key in keys {
            let account = account(self.connection(), key).await?;
            found.insert(key.clone(), account.unwrap_or_else(|| Account::open(key.clone(), at)));
        }
        Ok(found)
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Done<()> {
        for account in accounts {
            diesel::replace_into(accounts::table).values(&AccountRow::from(account)).execute(&mut **self)?;
        }
        Ok(())
    }

    async fn tell(&mut self, event: FleetEventDraft) -> Done<()> {
        let row = NewEventRow::from(&event);
        self.connection().run(diesel::insert_into(feed_events::table).values(&row)).await?;
        Ok(())
    }
}
