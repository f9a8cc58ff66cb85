//! The commands that wait for an agent.

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::ports::{AcknowledgeError, CommandQueue, StoreUnavailable};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::operation::move_targets;
use crate::tables::{commands, sessions};

#[async_trait]
impl CommandQueue for PostgresStore {
    async fn pending(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        Ok(on!(self.read, (session, after, limit), |connection| pending(connection, *session, *after, *limit)).await?)
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError> {
        on!(self.write, (session, seq, receipt, at), |tx| acknowledge(tx, *session, *seq, receipt, *at)).await
    }
}

/// `None` when there is no such session.
async fn pending(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    after: CommandSeq,
    limit: usize,
) -> Result<Option<Vec<Command>>, StoreError> {
    let pending = commands::pending(connection, session, after, limit).await?;
    // Where there is a command, there is its session; and a session that is there stays. So two moments will do.
    let known = !pending.is_empty() || sessions::exists(connection, session).await?;
    Ok(known.then_some(pending))
}

async fn acknowledge(
    tx: &mut Transaction,
    session: SessionId,
    seq: CommandSeq,
    receipt: &Receipt,
    at: Timestamp,
) -> Result<Command, AcknowledgeError> {
    sessions::lock_head(tx, session).await?.ok_or(AcknowledgeError::UnknownCommand { session, seq })?;
    let before = commands::get(tx, session, seq).await?.ok_or(AcknowledgeError::UnknownCommand { session, seq })?;
    let after = before.acknowledge(receipt.clone(), at)?;
    if after.receipt != before.receipt {
        commands::save(tx, &after).await?;
        tx.tell(FleetEventDraft::receipt(&after, at));
        move_targets(tx, session, at, |target| target.after_receipt(&after)).await?;
    }
    Ok(after)
}
