//! The whole database, to be moved: read from, or filled.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use flightdeck_domain::feed::FleetEvent;
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
use flightdeck_store_sql::rows::feed::EventRow;
use flightdeck_store_sql::rows::idempotency::{NewRememberedRow, RememberedRow};
use flightdeck_store_sql::rows::message::MessageRow;
use flightdeck_store_sql::rows::operation::{NewOperationRow, NewTargetRow, OperationRow, TargetRow};
use flightdeck_store_sql::rows::session::{NewSharedSessionRow, SharedSessionRow};
use flightdeck_store_sql::schema::{
    api_keys, audit_checkpoints, audit_entries, commands, idempotency_keys, operation_targets, operations, sessions,
};
use flightdeck_store_sql::statement::{Bind, Prepared, Statement};
use flightdeck_store_sql::tables;
use flightdeck_store_sql::tables::transfer::{PAGE, end};
use flightdeck_store_sql::values::{Key, json};
use tokio::runtime::Handle;

use crate::connection::Connector;
use crate::error::{OpenError, StoreError};
use crate::migrations;
use crate::settings::{Options, Settings};
use crate::statement::Column;
use crate::tables::{accounts, approvals, audit_checkpoints as checkpoints, audit_log, epoch, messages, replica_marks};
use crate::url::Target;

/// A moment of its own. A long copy is not to be ended in its midst.
const BEGIN_SOURCE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Nobody else writes; whoever reads does not hold it up for ever. A child may come before its parent.
const BEGIN_TARGET: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '5s'; \
     LOCK TABLE sessions, messages, commands, approvals, operations, operation_targets, feed_events, feed_head, \
         audit_entries, audit_head, audit_checkpoints, api_keys, idempotency_keys, fleet_state, epoch, replica_marks IN EXCLUSIVE MODE; \
     ALTER TABLE sessions ALTER CONSTRAINT sessions_parent_id_fkey DEFERRABLE INITIALLY DEFERRED";

/// The parents are there by now. The head of the audit log goes to its end in one step: one for each entry would take
/// longer with each, for PostgreSQL keeps every state of a row until the transaction ends.
const END_TARGET: &str = "SET CONSTRAINTS ALL IMMEDIATE; \
     ALTER TABLE sessions ALTER CONSTRAINT sessions_parent_id_fkey NOT DEFERRABLE; \
     ALTER TABLE audit_head DISABLE TRIGGER audit_head_goes_forward";

const HEAD_IS_SET: &str = "ALTER TABLE audit_head ENABLE TRIGGER audit_head_goes_forward";

/// A database that is moved as a whole, on one connection and in one transaction.
pub struct PostgresTransfer {
    connection: AsyncPgConnection,
}

impl std::fmt::Debug for PostgresTransfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresTransfer").finish_non_exhaustive()
    }
}

impl PostgresTransfer {
    /// A database to be read. It is not brought up to date.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub async fn source(url: &str, options: &Options, handle: Handle) -> Result<Self, OpenError> {
        let (connector, name) = connector(url, options, handle)?;
        let mut connection = connect(&connector, &name).await?;
        migrations::check(&mut connection)
            .await
            .map_err(|source| OpenError::Outdated { database: name.clone(), source: source.into() })?;
        let begun = connection.batch_execute(BEGIN_SOURCE).await;
        begun.map_err(|source| OpenError::Locked { database: name, source })?;
        Ok(Self { connection })
    }

    /// A database to be filled. Nobody else can write to it until this is dropped. The user has to own the tables, as who
    /// made them does.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub async fn target(url: &str, options: &Options, handle: Handle) -> Result<Self, OpenError> {
        let (connector, name) = connector(url, options, handle.clone())?;
        migrations::migrate(connect(&connector, &name).await?, &handle, &name).await?;
        let mut connection = connect(&connector, &name).await?;
        let begun = connection.batch_execute(BEGIN_TARGET).await;
        begun.map_err(|source| OpenError::Locked { database: name, source })?;
        Ok(Self { connection })
    }

    async fn page(&mut self, page: &TransferPage) -> Result<TransferPage, StoreError> {
        let connection = &mut self.connection;
        Ok(match page {
            TransferPage::Sessions(last) => {
                TransferPage::Sessions(next::<SharedSessionRow, _>(connection, "sessions", "id", end(last)).await?)
            }
            TransferPage::Messages(last) => TransferPage::Messages(
                next::<MessageRow, _>(connection, "messages", "session_id, seq", end(last)).await?,
            ),
            TransferPage::Commands(last) => TransferPage::Commands(
                next::<CommandRow, _>(connection, "commands", "session_id, seq", end(last)).await?,
            ),
            TransferPage::Approvals(last) => {
                TransferPage::Approvals(next::<ApprovalRow, _>(connection, "approvals", "id", end(last)).await?)
            }
            TransferPage::Operations(last) => {
                TransferPage::Operations(next::<OperationRow, _>(connection, "operations", "id", end(last)).await?)
            }
            TransferPage::Targets(last) => TransferPage::Targets(
                next::<TargetRow, _>(connection, "operation_targets", "operation_id, session_id", end(last)).await?,
            ),
            TransferPage::Events(last) => {
                TransferPage::Events(next::<EventRow, _>(connection, "feed_events", "position", end(last)).await?)
            }
            TransferPage::AuditEntries(last) => {
                let last = last.last().map_or(AuditSeq::ZERO, |it| it.seq);
                TransferPage::AuditEntries(audit_log::walk(connection, last, PAGE).await?)
            }
            TransferPage::Checkpoints(last) => {
                let last = last.last().map_or(AuditSeq::ZERO, |it| it.seq);
                TransferPage::Checkpoints(checkpoints::after(connection, last, PAGE).await?)
            }
            TransferPage::Keys(last) => {
                TransferPage::Keys(next::<ApiKeyRow, _>(connection, "api_keys", "id", end(last)).await?)
            }
            TransferPage::Calls(last) => TransferPage::Calls(
                next::<RememberedRow, _>(
                    connection,
                    "idempotency_keys",
                    "actor COLLATE \"C\", key COLLATE \"C\"",
                    end(last),
                )
                .await?,
            ),
            TransferPage::Accounts(last) => {
                let key = last.last().map(|it| (it.key.scope(), it.key.key()));
                let last = key.as_ref().map_or(vec![], |(scope, key)| vec![Bind::Text(scope), Bind::Text(key)]);
                TransferPage::Accounts(next::<AccountRow, _>(connection, "accounts", "scope, key", last).await?)
            }
            TransferPage::Marks(last) => TransferPage::Marks(
                next::<MarkRow, _>(connection, "replica_marks", "replica COLLATE \"C\"", end(last)).await?,
            ),
        })
    }

    async fn write(&mut self, page: &TransferPage) -> Result<(), StoreError> {
        let connection = &mut self.connection;
        match page {
            TransferPage::Sessions(new) => {
                let rows: Vec<_> = new.iter().map(NewSharedSessionRow::from).collect();
                diesel::insert_into(sessions::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Messages(new) => messages::insert(connection, new).await?,
            TransferPage::Commands(new) => {
                let rows: Vec<_> = new.iter().map(NewCommandRow::from).collect();
                diesel::insert_into(commands::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Approvals(new) => {
                for approval in new {
                    approvals::insert(connection, approval).await?;
                    // What tells how it was closed.
                    approvals::save(connection, approval).await?;
                }
            }
            TransferPage::Operations(new) => {
                let rows: Vec<_> = new.iter().map(NewOperationRow::from).collect();
                diesel::insert_into(operations::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Targets(new) => {
                let rows: Vec<_> = new.iter().map(NewTargetRow::from).collect();
                diesel::insert_into(operation_targets::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Events(new) => events(connection, new).await?,
            TransferPage::AuditEntries(new) => {
                let rows: Vec<_> = new.iter().map(NewAuditRow::from).collect();
                diesel::insert_into(audit_entries::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Checkpoints(new) => {
                let rows: Vec<_> = new.iter().map(NewCheckpointRow::from).collect();
                diesel::insert_into(audit_checkpoints::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Keys(new) => {
                let rows: Vec<_> = new.iter().map(NewApiKeyRow::from).collect();
                diesel::insert_into(api_keys::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Calls(new) => {
                let rows: Vec<_> =
                    new.iter().map(|it| NewRememberedRow::new(&it.actor, &it.key, &it.remembered)).collect();
                diesel::insert_into(idempotency_keys::table).values(&rows).execute(connection).await?;
            }
            TransferPage::Accounts(new) => {
                for account in new {
                    accounts::put(connection, account).await?;
                }
            }
            TransferPage::Marks(new) => replica_marks::insert(connection, new).await?,
        }
        Ok(())
    }

    async fn read_heads(&mut self) -> Result<TransferHeads, StoreError> {
        let connection = &mut self.connection;
        let once = "SELECT feed_head.position, fleet_state.kill_switch_engaged FROM feed_head, fleet_state";
        let Once { position, kill_switch_engaged } = Statement::begin(once).get_result(connection).await?;
        Ok(TransferHeads {
            audit: audit_log::head(connection).await?,
            feed: FeedPosition::new(u64::try_from(position).unwrap_or_default()),
            kill_switch: kill_switch_engaged,
            epoch: epoch::get(connection).await?,
        })
    }

    async fn write_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreError> {
        let connection = &mut self.connection;
        connection.batch_execute(END_TARGET).await?;
        tables::audit_log::set_head(heads.audit.seq, &heads.audit.hash).execute(connection).await?;
        connection.batch_execute(HEAD_IS_SET).await?;
        let position = [Bind::Integer(heads.feed.to_i64())];
        Prepared::new("UPDATE feed_head SET position = ?", position).execute(connection).await?;
        if let Some(epoch) = heads.epoch {
            epoch::set(connection, epoch).await?;
        }
        let engaged = [Bind::Integer(i64::from(heads.kill_switch))];
        Prepared::new("UPDATE fleet_state SET kill_switch_engaged = (? = 1)", engaged).execute(connection).await?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Once {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Bool)]
    kill_switch_engaged: bool,
}

pub(crate) fn connector(url: &str, options: &Options, handle: Handle) -> Result<(Connector, String), OpenError> {
    let target = Target::read(url)?;
    let name = target.name();
    Ok((Connector::new(target, std::sync::Arc::new(Settings::of(options)), handle), name))
}

pub(crate) async fn connect(connector: &Connector, name: &str) -> Result<AsyncPgConnection, OpenError> {
    let opened = connector.connect().await;
    opened.map_err(|source| OpenError::Connect { database: name.to_owned(), source })
}

/// Events at the places that they have.
async fn events(connection: &mut AsyncPgConnection, new: &[FleetEvent]) -> Result<(), StoreError> {
    Prepared::with(
        "INSERT INTO feed_events (position, kind, session_id, at, data) \
         SELECT * FROM unnest(?::bigint[], ?::text[], ?::uuid[], ?::bigint[], ?::text[])",
        [
            Column::Integers(new.iter().map(|event| event.position.to_i64()).collect()),
            Column::Texts(new.iter().map(|event| event.kind.as_str().into()).collect()),
            Column::MaybeIds(new.iter().map(|event| event.session_id.as_ref().map(Key::key)).collect()),
            Column::Integers(new.iter().map(|event| event.at.as_micros()).collect()),
            Column::Texts(new.iter().map(|event| json(&event.data).into()).collect()),
        ],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One page of a table in the order of a key, behind the key that is given, or from the beginning when none is.
async fn next<R, T>(
    connection: &mut AsyncPgConnection,
    table: &str,
    key: &str,
    last: Vec<Bind<'_>>,
) -> Result<Vec<T>, StoreError>
where
    R: QueryableByName<diesel::pg::Pg> + Send + 'static,
    T: TryFrom<R, Error = BrokenRow>,
{
    let rows: Vec<R> = tables::transfer::next(table, key, last).load(connection).await?;
    Ok(rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?)
}

#[async_trait]
impl TransferSource for PostgresTransfer {
    async fn following(&mut self, page: &TransferPage) -> Result<TransferPage, StoreUnavailable> {
        Ok(self.page(page).await?)
    }

    async fn heads(&mut self) -> Result<TransferHeads, StoreUnavailable> {
        Ok(self.read_heads().await?)
    }

    async fn look_again(&mut self) -> Result<(), StoreUnavailable> {
        let again = format!("ROLLBACK; {BEGIN_SOURCE}");
        Ok(self.connection.batch_execute(&again).await.map_err(StoreError::from)?)
    }
}

#[async_trait]
impl TransferTarget for PostgresTransfer {
    async fn put(&mut self, page: &TransferPage) -> Result<(), StoreUnavailable> {
        Ok(self.write(page).await?)
    }

    async fn put_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreUnavailable> {
        Ok(self.write_heads(heads).await?)
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreUnavailable> {
        Ok(self.connection.batch_execute("COMMIT").await.map_err(StoreError::from)?)
    }
}
