//! The consequences of a change of status, from any source.

use super::operation::move_targets;
use crate::feed::FleetEventDraft;
use crate::ids::{CommandSeq, SessionId};
use crate::ports::{Rows, Tx};
use crate::session::{Session, StatusChange};
use crate::time::Timestamp;

/// How many pending commands are settled at a time.
const SETTLED_AT_ONCE: usize = 500;

/// Writes a change of status of a session, which is locked, with all its consequences.
pub(super) async fn write<T: Tx>(tx: &mut T, change: &StatusChange) -> Rows<()> {
    let (id, status, at) = (change.session.id, change.session.status, change.message.created_at);
    tx.save_session(&change.session).await?;
    tx.insert_messages(std::slice::from_ref(&change.message)).await?;
    tx.tell(change.event.clone()).await?;
    if status.is_terminal() {
        settle(tx, &change.session, at).await?;
        end_approvals(tx, id, at).await?;
    }
    move_targets(tx, id, at, |target| target.after_status(status, at)).await
}

/// Brings a session back with a sign of life, if it was lost.
pub(super) async fn come_back<T: Tx>(tx: &mut T, session: &Session, at: Timestamp) -> Rows<Option<Session>> {
    let Some(change) = session.come_back(at) else { return Ok(None) };
    write(tx, &change).await?;
    Ok(Some(change.session))
}

/// Settles the pending commands of a session that has ended.
async fn settle<T: Tx>(tx: &mut T, session: &Session, at: Timestamp) -> Rows<()> {
    let mut after = CommandSeq::ZERO;
    while after < session.last_command_seq {
        let pending = tx.pending_commands(session.id, after, SETTLED_AT_ONCE).await?;
        for command in &pending {
            let settled = command.settle(session.status, at);
            tx.save_command(&settled).await?;
            tx.tell(FleetEventDraft::receipt(&settled, at)).await?;
        }
        after = pending.last().map_or(session.last_command_seq, |last| last.seq);
    }
    Ok(())
}

/// Closes the open permission requests of a session that has ended.
async fn end_approvals<T: Tx>(tx: &mut T, session: SessionId, at: Timestamp) -> Rows<()> {
    for open in tx.open_approvals(session).await? {
        let (ended, event) = open.end(at);
        tx.save_approval(&ended).await?;
        tx.tell(event).await?;
    }
    Ok(())
}
