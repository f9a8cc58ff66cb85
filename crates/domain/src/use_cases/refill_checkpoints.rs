//! The archive of checkpoints gets back what it has lost, by the word of the database.

use super::read_audit::{Readings, details};
use super::{AuditReader, Has, MakeCheckpoint, MakeCheckpointError, MayHave};
use crate::ports::{AuditLog, Checkpointing, Clock, OperatorActions};

/// Fills the archive of checkpoints, on record: with that nobody finds any more that it had lost something.
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

    /// Puts on record who does it, then puts into the archive what the database holds. Gives how many those are.
    ///
    /// # Errors
    /// It cannot be put on record; or see [`MakeCheckpoint::refill`].
    pub async fn execute(&self, reader: AuditReader) -> Result<usize, MakeCheckpointError> {
        self.readings.record(reader, details("refill_checkpoints", [])).await?;
        self.make.refill().await
    }
}
