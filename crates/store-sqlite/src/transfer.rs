//! The whole database, to be moved: read from, or filled.

use std::path::Path;

use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use flightdeck_domain::audit::SealedAuditEntry;
use flightdeck_domain::ids::{AuditSeq, FeedPosition};
use flightdeck_domain::ports::{StoreUnavailable, TransferHeads, TransferPage, TransferSource, TransferTarget};
use flightdeck_store_sql::rows::BrokenRow;
use flightdeck_store_sql::rows::account::AccountRow;
use flightdeck_store_sql::rows::api_key::{ApiKeyRow, NewApiKeyRow};
use flightdeck_store_sql::rows::approval::ApprovalRow;
use flightdeck_store_sql::rows::audit::NewAuditRow;
use flightdeck_store_sql::rows::checkpoint::NewCheckpointRow;
use flightdeck_store_sql::rows::command::{CommandRow, NewCommandRow};
use flightdeck_store_sql::rows::epoch::MarkRow;
use flightdeck_store_sql::rows::feed::{EventRow, NewEventRow};
use flightdeck_store_sql::rows::idempotency::{NewRememberedRow, RememberedRow};
use flightdeck_store_sql::rows::message::MessageRow;
use flightdeck_store_sql::rows::operation::{NewOperationRow, NewTargetRow, OperationRow, TargetRow};
use flightdeck_store_sql::rows::session::{NewSessionRow, SessionRow};
use flightdeck_store_sql::schema::{
    api_keys, audit_checkpoints, audit_entries, commands, feed_events, idempotency_keys, operation_targets, operations,
    sessions,
};
use flightdeck_store_sql::statement::Bind;
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::transfer::{PAGE, end};

use crate::connection::DatabaseFile;
use crate::error::{OpenError, StoreError};
use crate::migrations;
use crate::tables::{
    accounts, approvals, audit_checkpoints as checkpoints, audit_log, epoch, fleet_state, messages, replica_marks,
};

/// A database that is moved as a whole, on one connection and in one transaction. It blocks whoever asks it.
pub struct SqliteTransfer {
    connection: SqliteConnection,
}

impl std::fmt::Debug for SqliteTransfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteTransfer").finish_non_exhaustive()
    }
}

impl SqliteTransfer {
    /// A database to be read. It is not brought up to date.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn source(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        drop(DatabaseFile::look(path)?);
        let file = DatabaseFile::prepare(path)?;
        let mut connection = file.reader()?;
        migrations::check(&mut connection)
            .map_err(|source| OpenError::Outdated { path: path.to_owned(), source: source.into() })?;
        connection.batch_execute("BEGIN").map_err(|source| file.unusable(source))?;
        Ok(Self { connection })
    }

    /// A database to be looked at as it lies there: nothing is made or changed, not even beside it.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn look(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let mut connection = DatabaseFile::look(path)?;
        let unusable = |source| OpenError::Database { path: path.to_owned(), source };
        connection.batch_execute("BEGIN").map_err(unusable)?;
        Ok(Self { connection })
    }

    /// A database to be filled; it is made when there is none. Nobody else can write to it until this is dropped.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn target(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let file = DatabaseFile::prepare(path.as_ref())?;
        let mut connection = file.writer()?;
        migrations::migrate(&file, &mut connection)?;
        // A child may come before its parent.
        let begin = "BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON";
        connection.batch_execute(begin).map_err(|source| file.unusable(source))?;
        Ok(Self { connection })
    }

    fn page(&mut self, page: &TransferPage) -> Result<TransferPage, StoreError> {
        let connection = &mut self.connection;
        Ok(match page {
            TransferPage::Sessions(last) => {
                TransferPage::Sessions(next::<SessionRow, _>(connection, "sessions", "id", end(last))?)
            }
            TransferPage::Messages(last) => {
                TransferPage::Messages(next::<MessageRow, _>(connection, "messages", "session_id, seq", end(last))?)
            }
            TransferPage::Commands(last) => {
                TransferPage::Commands(next::<CommandRow, _>(connection, "commands", "session_id, seq", end(last))?)
            }
            TransferPage::Approvals(last) => {
                TransferPage::Approvals(next::<ApprovalRow, _>(connection, "approvals", "id", end(last))?)
            }
            TransferPage::Operations(last) => {
                TransferPage::Operations(next::<OperationRow, _>(connection, "operations", "id", end(last))?)
            }
            TransferPage::Targets(last) => TransferPage::Targets(next::<TargetRow, _>(
                connection,
                "operation_targets",
                "operation_id, session_id",
                end(last),
            )?),
            TransferPage::Events(last) => {
                TransferPage::Events(next::<EventRow, _>(connection, "feed_events", "position", end(last))?)
            }
            TransferPage::AuditEntries(last) => {
                let last = last.last().map_or(AuditSeq::ZERO, |it| it.seq);
                TransferPage::AuditEntries(audit_log::walk(connection, last, PAGE)?)
            }
            TransferPage::Checkpoints(last) => {
                let last = last.last().map_or(AuditSeq::ZERO, |it| it.seq);
                TransferPage::Checkpoints(checkpoints::after(connection, last, PAGE)?)
            }
            TransferPage::Keys(last) => {
                TransferPage::Keys(next::<ApiKeyRow, _>(connection, "api_keys", "id", end(last))?)
            }
            TransferPage::Calls(last) => {
                TransferPage::Calls(next::<RememberedRow, _>(connection, "idempotency_keys", "actor, key", end(last))?)
            }
            TransferPage::Accounts(last) => {
                let key = last.last().map(|it| (it.key.scope(), it.key.key()));
                let last = key.as_ref().map_or(vec![], |(scope, key)| vec![Bind::Text(scope), Bind::Text(key)]);
                TransferPage::Accounts(next::<AccountRow, _>(connection, "accounts", "scope, key", last)?)
            }
            TransferPage::Marks(last) => {
                TransferPage::Marks(next::<MarkRow, _>(connection, "replica_marks", "replica", end(last))?)
            }
        })
    }

    fn write(&mut self, page: &TransferPage) -> Result<(), StoreError> {
        let connection = &mut self.connection;
        match page {
            TransferPage::Sessions(new) => {
                let rows: Vec<_> = new.iter().map(NewSessionRow::from).collect();
                diesel::insert_into(sessions::table).values(&rows).execute(connection)?;
            }
            TransferPage::Messages(new) => messages::insert(connection, new)?,
            TransferPage::Commands(new) => {
                let rows: Vec<_> = new.iter().map(NewCommandRow::from).collect();
                diesel::insert_into(commands::table).values(&rows).execute(connection)?;
            }
            TransferPage::Approvals(new) => {
                for approval in new {
                    approvals::insert(connection, approval)?;
                    // What tells how it was closed.
                    approvals::save(connection, approval)?;
                }
            }
            TransferPage::Operations(new) => {
                let rows: Vec<_> = new.iter().map(NewOperationRow::from).collect();
                diesel::insert_into(operations::table).values(&rows).execute(connection)?;
            }
            TransferPage::Targets(new) => {
                let rows: Vec<_> = new.iter().map(NewTargetRow::from).collect();
                diesel::insert_into(operation_targets::table).values(&rows).execute(connection)?;
            }
            TransferPage::Events(new) => {
                for event in new {
                    let row = (NewEventRow::from(event), feed_events::position.eq(event.position.to_i64()));
                    diesel::insert_into(feed_events::table).values(row).execute(connection)?;
                }
            }
            TransferPage::AuditEntries(new) => new.iter().try_for_each(|it| write_entry(connection, it))?,
            TransferPage::Checkpoints(new) => {
                let rows: Vec<_> = new.iter().map(NewCheckpointRow::from).collect();
                diesel::insert_into(audit_checkpoints::table).values(&rows).execute(connection)?;
            }
            TransferPage::Keys(new) => {
                let rows: Vec<_> = new.iter().map(NewApiKeyRow::from).collect();
                diesel::insert_into(api_keys::table).values(&rows).execute(connection)?;
            }
            TransferPage::Calls(new) => {
                let rows: Vec<_> =
                    new.iter().map(|it| NewRememberedRow::new(&it.actor, &it.key, &it.remembered)).collect();
                diesel::insert_into(idempotency_keys::table).values(&rows).execute(connection)?;
            }
            TransferPage::Accounts(new) => new.iter().try_for_each(|account| accounts::put(connection, account))?,
            TransferPage::Marks(new) => {
                new.iter().try_for_each(|it| replica_marks::set(connection, &it.replica, it.mark))?;
            }
        }
        Ok(())
    }

    fn read_heads(&mut self) -> Result<TransferHeads, StoreError> {
        let connection = &mut self.connection;
        // It goes on from here even when the newest events have been removed.
        let sql = "SELECT COALESCE(MAX(seq), 0) AS position FROM sqlite_sequence WHERE name = 'feed_events'";
        let fed: Fed = diesel::sql_query(sql).get_result(connection)?;
        Ok(TransferHeads {
            audit: audit_log::head(connection)?,
            feed: FeedPosition::new(u64::try_from(fed.position).unwrap_or_default()),
            kill_switch: fleet_state::kill_switch(connection)?,
            epoch: epoch::get(connection)?,
        })
    }

    fn write_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreError> {
        let connection = &mut self.connection;
        diesel::sql_query("DELETE FROM sqlite_sequence WHERE name = 'feed_events'").execute(connection)?;
        diesel::sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES ('feed_events', ?)")
            .bind::<BigInt, _>(heads.feed.to_i64())
            .execute(connection)?;
        if let Some(epoch) = heads.epoch {
            epoch::set(connection, epoch)?;
        }
        fleet_state::set_kill_switch(connection, heads.kill_switch)
    }
}

#[derive(QueryableByName)]
struct Fed {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// The head goes along: it moves one entry at a time.
fn write_entry(connection: &mut SqliteConnection, entry: &SealedAuditEntry) -> Result<(), StoreError> {
    diesel::insert_into(audit_entries::table).values(&NewAuditRow::from(entry)).execute(connection)?;
    tables::audit_log::move_head(entry).execute(connection)?;
    Ok(())
}

/// One page of a table in the order of a key, behind the key that is given, or from the beginning when none is.
fn next<R, T>(
    connection: &mut SqliteConnection,
    table: &str,
    key: &str,
    last: Vec<Bind<'_>>,
) -> Result<Vec<T>, StoreError>
where
    R: QueryableByName<diesel::sqlite::Sqlite> + 'static,
    T: TryFrom<R, Error = BrokenRow>,
{
    let rows: Vec<R> = tables::transfer::next(table, key, last).load(connection)?;
    Ok(rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?)
}

#[async_trait]
impl TransferSource for SqliteTransfer {
    async fn following(&mut self, page: &TransferPage) -> Result<TransferPage, StoreUnavailable> {
        Ok(self.page(page)?)
    }

    async fn heads(&mut self) -> Result<TransferHeads, StoreUnavailable> {
        Ok(self.read_heads()?)
    }

    async fn look_again(&mut self) -> Result<(), StoreUnavailable> {
        Ok(self.connection.batch_execute("ROLLBACK; BEGIN").map_err(StoreError::from)?)
    }
}

#[async_trait]
impl TransferTarget for SqliteTransfer {
    async fn put(&mut self, page: &TransferPage) -> Result<(), StoreUnavailable> {
        Ok(self.write(page)?)
    }

    async fn put_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreUnavailable> {
        Ok(self.write_heads(heads)?)
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreUnavailable> {
        Ok(self.connection.batch_execute("COMMIT").map_err(StoreError::from)?)
    }
}
