//! The commands that wait for an agent.

use std::ops::Bound;

use async_trait::async_trait;
use flightdeck_domain::command::{Command, Receipt};
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::ports::{AcknowledgeError, CommandQueue, StoreUnavailable};
use flightdeck_domain::time::Timestamp;

use crate::MemoryStore;

#[async_trait]
impl CommandQueue for MemoryStore {
    async fn pending(
        &self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        Ok(self.state().sessions.get(&session).map(|entry| {
            let behind = entry.pending.range((Bound::Excluded(after), Bound::Unbounded));
            behind.map(|(_, command)| command.clone()).take(limit).collect()
        }))
    }

    async fn acknowledge(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
        at: Timestamp,
    ) -> Result<Command, AcknowledgeError> {
        let mut state = self.state();
        let unknown = AcknowledgeError::UnknownCommand { session, seq };
        let Some(entry) = state.sessions.get_mut(&session) else { return Err(unknown) };
        let Some(before) = entry.pending.get(&seq).or_else(|| entry.settled.get(&seq)) else { return Err(unknown) };
        let after = before.acknowledge(receipt, at)?;
        if after != *before {
            entry.put(after.clone());
            state.tell(FleetEventDraft::receipt(&after, at));
            state.move_targets(session, at, |target| target.after_receipt(&after));
        }
        Ok(after)
    }
}
