//! The whole database, to be moved: read from, or filled.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use flightdeck_domain::audit::{AuditHead, SealedAuditEntry};
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::FeedPosition;
use flightdeck_domain::ports::{TransferSource, TransferTarget};
use flightdeck_store_sql::audit;
use flightdeck_store_sql::connection::Connection as _;
use flightdeck_store_sql::rows::feed::NewEventRow;
use flightdeck_store_sql::schema::feed_events;
use flightdeck_store_sql::transfer::{Moving, Transfer};
use flightdeck_store_sql::tx::{Dialect as _, Done};

use crate::connection::DatabaseFile;
use crate::error::OpenError;
use crate::migrations;
use crate::tx::Embedded;

/// Opens databases that are moved as a whole, each on one connection and in one transaction. They block whoever asks them.
#[derive(Clone, Copy, Debug)]
pub struct SqliteTransfer;

impl SqliteTransfer {
    /// A database to be read. It is not brought up to date.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn source(path: &Path) -> Result<Box<dyn TransferSource>, OpenError> {
        drop(DatabaseFile::look(path)?);
        let file = DatabaseFile::prepare(path)?;
        let mut connection = file.reader()?;
        migrations::check(&mut connection)
            .map_err(|source| OpenError::Outdated { path: path.to_owned(), source: source.into() })?;
        connection.batch_execute(Embedded::BEGIN).map_err(|source| file.unusable(source))?;
        Ok(Box::new(Transfer::new(Embedded(connection))))
    }

    /// A database to be looked at as it lies there: nothing is made or changed, not even beside it.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn look(path: &Path) -> Result<Box<dyn TransferSource>, OpenError> {
        let mut connection = DatabaseFile::look(path)?;
        let unusable = |source| OpenError::Database { path: path.to_owned(), source };
        connection.batch_execute(Embedded::BEGIN).map_err(unusable)?;
        Ok(Box::new(Transfer::new(Embedded(connection))))
    }

    /// A database to be filled; it is made when there is none. Nobody else can write to it until this is dropped.
    ///
    /// # Errors
    /// Each [`OpenError`] says what to do about it.
    pub fn target(path: &Path) -> Result<Box<dyn TransferTarget>, OpenError> {
        let file = DatabaseFile::prepare(path)?;
        let mut connection = file.writer()?;
        migrations::migrate(&file, &mut connection)?;
        // A child may come before its parent.
        let begin = "BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON";
        connection.batch_execute(begin).map_err(|source| file.unusable(source))?;
        Ok(Box::new(Transfer::new(Embedded(connection))))
    }
}

impl Moving for Embedded {
    const BEGIN: &str = "BEGIN";

    async fn batch(&mut self, sql: &str) -> Done<()> {
        Ok(self.batch_execute(sql)?)
    }

    async fn insert_events(&mut self, events: &[FleetEvent]) -> Done<()> {
        for event in events {
            let row = (NewEventRow::from(event), feed_events::position.eq(event.position.to_i64()));
            self.connection().run(diesel::insert_into(feed_events::table).values(row)).await?;
        }
        Ok(())
    }

    /// The head goes along: it moves one entry at a time.
    async fn insert_entries(&mut self, entries: &[SealedAuditEntry]) -> Done<()> {
        for entry in entries {
            audit::write(self.connection(), entry).await?;
        }
        Ok(())
    }

    async fn last_position(&mut self) -> Done<FeedPosition> {
        let sql = "SELECT COALESCE(MAX(seq), 0) AS position FROM sqlite_sequence WHERE name = 'feed_events'";
        let fed: Fed = diesel::sql_query(sql).get_result(&mut **self)?;
        Ok(FeedPosition::new(u64::try_from(fed.position).unwrap_or_default()))
    }

    async fn set_ends(&mut self, feed: FeedPosition, _audit: &AuditHead) -> Done<()> {
        diesel::sql_query("DELETE FROM sqlite_sequence WHERE name = 'feed_events'").execute(&mut **self)?;
        diesel::sql_query("INSERT INTO sqlite_sequence (name, seq) VALUES ('feed_events', ?)")
            .bind::<BigInt, _>(feed.to_i64())
            .execute(&mut **self)?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Fed {
    #[diesel(sql_type = BigInt)]
    position: i64,
}
