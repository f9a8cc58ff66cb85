//! The commands that wait for an agent.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::ports::{AcknowledgeError, CommandQueue, StoreUnavailable};
use flightdeck_domain::time::Timestamp;

use crate::SqliteStore;
use crate::operation::move_targets;
use crate::tables::{commands, feed_events, sessions};

#[async_trait]
impl CommandQueue for SqliteStore {
    async fn pending(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        let pending = self.readers.read(move |connection| {
            if !sessions::exists(connection, session)? {
                return Ok(None);
            }
            commands::pending(connection, session, after, limit).map(Some)
        });
        Ok(pending.await?)
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError> {
        self.writer.write(move |connection| acknowledge(connection, session, seq, receipt, at)).await
    }
}

fn acknowledge(
    connection: &mut SqliteConnection,
    session: SessionId,
    seq: CommandSeq,
    receipt: Receipt,
    at: Timestamp,
) -> Result<Command, AcknowledgeError> {
    let before = commands::get(connection, session, seq)?.ok_or(AcknowledgeError::UnknownCommand { session, seq })?;
    let after = before.acknowledge(receipt, at)?;
    if after.receipt != before.receipt {
        commands::save(connection, &after)?;
        feed_events::insert(connection, &FleetEventDraft::receipt(&after, at))?;
        move_targets(connection, session, at, |target| target.after_receipt(&after))?;
    }
    Ok(after)
}
