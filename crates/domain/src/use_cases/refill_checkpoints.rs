//! Restores lost checkpoints of the archive from the database.

use super::read_audit::{Readings, details};
use super::{AuditReader, Has, MakeCheckpoint, MakeCheckpointError, MayHave};
use crate::ports::{AuditLog, Checkpointing, Clock, OperatorActions};

/// Fills the archive of checkpoints, with an audit entry, because afterwards nobody can find that it had lost
/// something.
#[derive(Clone)]
pub struct RefillCheckpoints {
    make: MakeCheckpoint,
    readings: Readings,
}

impl RefillCheckpoints {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn AuditLog> + Has<dyn OperatorActions> + Has<dyn Clock> + MayHave<Checkpointing>,
    {
        Self { make: MakeCheckpoint::new(ports), readings: Readings::new(ports) }
    }

    /// Records who does it, then adds the checkpoints of the database to the archive. Gives their number.
    ///
    /// # Errors
    /// It cannot be recorded; or see [`MakeCheckpoint::refill`].
    pub async fn execute(&self, reader: AuditReader) -> Result<usize, MakeCheckpointError> {
        self.readings.record(reader, details("refill_checkpoints", [])).await?;
        self.make.refill().await
    }
}
