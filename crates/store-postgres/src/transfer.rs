//! The whole database, to be moved: read from, or filled.

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use flightdeck_domain::audit::{AuditHead, SealedAuditEntry};
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::FeedPosition;
use flightdeck_domain::ports::{TransferSource, TransferTarget};
use flightdeck_store_sql::rows::audit::NewAuditRow;
use flightdeck_store_sql::schema::audit_entries;
use flightdeck_store_sql::statement::{Bind, Prepared};
use flightdeck_store_sql::transfer::{Moving, Transfer};
use flightdeck_store_sql::tx::{Dialect as _, Done};
use flightdeck_store_sql::values::{Key, json};
use flightdeck_store_sql::{audit, feed};
use tokio::runtime::Handle;

use crate::Opening;
use crate::connection::Connector;
use crate::error::OpenError;
use crate::line::Line;
use crate::migrations;
use crate::settings::{Options, Settings};
use crate::statement::Column;
use crate::transaction::Remote;
use crate::url::Target;

/// A moment of its own. A long copy is not to be ended in its midst.
const BEGIN_SOURCE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Nobody else writes; whoever reads does not hold it up for ever. A child may come before its parent.
const BEGIN_TARGET: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = '5s'; \
     LOCK TABLE sessions, messages, commands, approvals, operations, operation_targets, feed_events, feed_head, \
         audit_entries, audit_head, audit_checkpoints, api_keys, idempotency_keys, fleet_state, epoch, replica_marks, provider_configs, runners, assignments, \
         sinks, sink_letters, retention, archived_sessions, usage_days, change_reports IN EXCLUSIVE MODE; \
     ALTER TABLE sessions ALTER CONSTRAINT sessions_parent_id_fkey DEFERRABLE INITIALLY DEFERRED";

/// The parents are there by now. The head of the audit log goes to its end in one step: one for each entry would take
/// longer with each, for PostgreSQL keeps every state of a row until the transaction ends.
const END_TARGET: &str = "SET CONSTRAINTS ALL IMMEDIATE; \
     ALTER TABLE sessions ALTER CONSTRAINT sessions_parent_id_fkey NOT DEFERRABLE; \
     ALTER TABLE audit_head DISABLE TRIGGER audit_head_goes_forward";

const HEAD_IS_SET: &str = "ALTER TABLE audit_head ENABLE TRIGGER audit_head_goes_forward";

/// Opens databases that are moved as a whole, each on one connection and in one transaction.
#[derive(Clone, Copy, Debug)]
pub struct PostgresTransfer;

impl PostgresTransfer {
    /// A database to be read. It is not brought up to date.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    #[must_use = "nothing is done until it is awaited"]
    pub fn source<'a>(url: &'a str, options: &'a Options, handle: Handle) -> Opening<'a, Box<dyn TransferSource>> {
        Box::pin(async move {
            let (connector, name) = connector(url, options, handle)?;
            let mut connection = connect(&connector, &name).await?;
            migrations::check(&connection)
                .await
                .map_err(|source| OpenError::Outdated { database: name.clone(), source: source.into() })?;
            let begun = connection.batch_execute(BEGIN_SOURCE).await;
            begun.map_err(|source| OpenError::Locked { database: name, source })?;
            let moved: Box<dyn TransferSource> = Box::new(Transfer::new(Remote::on(Line::own(connection))));
            Ok(moved)
        })
    }

    /// A database to be filled. Nobody else can write to it until this is dropped. The user has to own the tables, as who
    /// made them does.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    #[must_use = "nothing is done until it is awaited"]
    pub fn target<'a>(url: &'a str, options: &'a Options, handle: Handle) -> Opening<'a, Box<dyn TransferTarget>> {
        Box::pin(async move {
            let (connector, name) = connector(url, options, handle.clone())?;
            migrations::migrate(connect(&connector, &name).await?, &handle, &name).await?;
            let mut connection = connect(&connector, &name).await?;
            let begun = connection.batch_execute(BEGIN_TARGET).await;
            begun.map_err(|source| OpenError::Locked { database: name, source })?;
            let moved: Box<dyn TransferTarget> = Box::new(Transfer::new(Remote::on(Line::own(connection))));
            Ok(moved)
        })
    }
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

impl Moving for Remote {
    const BEGIN: &str = BEGIN_SOURCE;

    async fn batch(&mut self, sql: &str) -> Done<()> {
        Ok(self.line.pg().batch_execute(sql).await?)
    }

    async fn insert_events(&mut self, events: &[FleetEvent]) -> Done<()> {
        Prepared::with(
            "INSERT INTO feed_events (position, kind, session_id, at, data) \
             SELECT * FROM unnest(?::bigint[], ?::text[], ?::uuid[], ?::bigint[], ?::text[])",
            [
                Column::Integers(events.iter().map(|event| event.position.to_i64()).collect()),
                Column::Texts(events.iter().map(|event| event.kind.as_str().into()).collect()),
                Column::MaybeIds(events.iter().map(|event| event.session_id.as_ref().map(Key::key)).collect()),
                Column::Integers(events.iter().map(|event| event.at.as_micros()).collect()),
                Column::Texts(events.iter().map(|event| json(&event.data).into()).collect()),
            ],
        )
        .execute(&mut self.line.pg())
        .await?;
        Ok(())
    }

    async fn insert_entries(&mut self, entries: &[SealedAuditEntry]) -> Done<()> {
        let rows: Vec<_> = entries.iter().map(NewAuditRow::from).collect();
        diesel::insert_into(audit_entries::table).values(&rows).execute(&mut self.line.pg()).await?;
        Ok(())
    }

    async fn last_position(&mut self) -> Done<FeedPosition> {
        feed::head(self.connection()).await
    }

    async fn set_ends(&mut self, feed: FeedPosition, audit: &AuditHead) -> Done<()> {
        self.line.pg().batch_execute(END_TARGET).await?;
        audit::set_head(self.connection(), audit.seq, &audit.hash).await?;
        self.line.pg().batch_execute(HEAD_IS_SET).await?;
        let position = [Bind::Integer(feed.to_i64())];
        Prepared::new("UPDATE feed_head SET position = ?", position).execute(&mut self.line.pg()).await?;
        Ok(())
    }
}
