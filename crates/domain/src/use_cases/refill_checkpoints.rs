//! The archive of checkpoints gets back what it has lost, by the word of the database.

use super::read_audit::{Readings, details};
use super::{AuditReader, MakeCheckpoint, MakeCheckpointError, Ports};
use crate::audit::AuditOutcome;

/// Fills the archive of checkpoints, on record: with that nobody finds any more that it had lost something.
#[derive(Clone)]
pub struct RefillCheckpoints {
    make: MakeCheckpoint,
    readings: Readings,
}

impl RefillCheckpoints {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { make: MakeCheckpoint::new(ports), readings: Readings::new(ports) }
    }

    /// Puts on record who does it, then puts into the archive what the database holds. Gives how many those are.
    ///
    /// # Errors
    /// It cannot be put on record; or see [`MakeCheckpoint::refill`].
    pub async fn execute(&self, reader: AuditReader) -> Result<usize, MakeCheckpointError> {
        self.readings.record(reader, AuditOutcome::Accepted, details("refill_checkpoints", [])).await?;
        self.make.refill().await
    }
}
