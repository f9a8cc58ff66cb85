//! The audit log is exported, with everything that its verification needs.

use std::sync::Arc;

use super::checkpoint_sources::{CheckpointSources, LAST};
use super::read_audit::{Readings, details};
use super::{AuditReader, Has, MakeCheckpoint, MakeCheckpointError, MayHave};
use crate::audit::{ExportFault, ExportHeader, ExportLine, ExportedEntry};
use crate::ids::AuditSeq;
use crate::ports::{AuditLog, AuditLogError, Checkpointing, Clock, OperatorActions, StoreUnavailable};

const PAGE: usize = 500;

/// Exports the audit log.
#[derive(Clone)]
pub struct ExportAudit {
    audit: Arc<dyn AuditLog>,
    checkpointing: Option<Checkpointing>,
    readings: Readings,
    make: MakeCheckpoint,
}

impl ExportAudit {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn AuditLog> + Has<dyn OperatorActions> + Has<dyn Clock> + MayHave<Checkpointing>,
    {
        let (readings, make) = (Readings::new(ports), MakeCheckpoint::new(ports));
        Self { audit: ports.port(), checkpointing: ports.optional(), readings, make }
    }

    /// Reads the pages of exports from another log than the one that is signed: from a copy of it that gives the same.
    #[must_use]
    pub fn reading(self, audit: Arc<dyn AuditLog>) -> Self {
        Self { audit, ..self }
    }

    /// Records the reading, signs the head if the deployment signs checkpoints, and begins the export after a place.
    /// The export ends at that head. So its last entries are signed too, and it does not follow a growing log.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self, reader: AuditReader, after: AuditSeq) -> Result<AuditExport, StoreUnavailable> {
        let details = details("export", [("after", Some(after.to_string()))]);
        let own = self.readings.record(reader, details).await?;
        let to = match self.make.execute().await {
            Ok(made) => made.checkpoint.seq,
            Err(MakeCheckpointError::Unavailable(error)) => return Err(error),
            // What was tampered with is exported all the same: that is the evidence.
            Err(
                MakeCheckpointError::NotSetUp
                | MakeCheckpointError::Empty
                | MakeCheckpointError::Tampered { .. }
                | MakeCheckpointError::Headless(_)
                | MakeCheckpointError::NotGood(_)
                | MakeCheckpointError::OtherKey { .. },
            ) => own,
        };
        let public_key = self.checkpointing.as_ref().map(|checkpointing| checkpointing.signer.public_key());
        let header = ExportHeader { flightdeck_audit: ExportHeader::FORMAT.to_owned(), after, to, public_key };
        Ok(AuditExport {
            audit: Arc::clone(&self.audit),
            checkpoints: CheckpointSources::new(Arc::clone(&self.audit), self.checkpointing.as_ref(), after),
            header: Some(header),
            reached: after,
            to,
            ended: false,
        })
    }
}

/// An export in progress: a page of lines at a time, in constant memory.
pub struct AuditExport {
    audit: Arc<dyn AuditLog>,
    checkpoints: CheckpointSources,
    header: Option<ExportHeader>,
    reached: AuditSeq,
    to: AuditSeq,
    ended: bool,
}

impl AuditExport {
    /// The next lines as text, each with its line break; `None` after the last.
    ///
    /// # Errors
    /// The store is not available; the export cannot continue.
    pub async fn next(&mut self) -> Result<Option<String>, StoreUnavailable> {
        Ok(self.next_lines().await?.map(|lines| lines.iter().map(ExportLine::to_text).collect()))
    }

    /// The next lines; `None` after the last.
    ///
    /// # Errors
    /// The store is not available; the export cannot continue.
    pub async fn next_lines(&mut self) -> Result<Option<Vec<ExportLine>>, StoreUnavailable> {
        if let Some(header) = self.header.take() {
            return Ok(Some(vec![ExportLine::Header(header)]));
        }
        if self.ended {
            return Ok(None);
        }
        let mut lines = Vec::new();
        match self.page(&mut lines).await {
            Ok(()) => {}
            Err(AuditLogError::Broken { seq, detail }) => {
                lines.push(ExportLine::Fault { fault: ExportFault { seq, problem: detail } });
                self.ended = true;
            }
            Err(AuditLogError::Unavailable(error)) => return Err(error),
        }
        Ok(Some(lines))
    }

    async fn page(&mut self, lines: &mut Vec<ExportLine>) -> Result<(), AuditLogError> {
        let page = self.audit.walk(self.reached, PAGE).await?;
        self.ended = page.is_empty();
        for entry in &page {
            if entry.seq > self.to {
                self.ended = true;
                break;
            }
            lines.push(ExportLine::Entry(ExportedEntry::from(entry)));
            self.reached = entry.seq;
            while let Some(sighting) = self.checkpoints.next_up_to(entry.seq).await? {
                lines.push(ExportLine::Checkpoint { checkpoint: sighting.checkpoint });
            }
        }
        if self.reached >= self.to {
            self.ended = true;
        }
        if self.ended {
            self.beyond(lines).await?;
        }
        Ok(())
    }

    /// Checkpoints after the head are the trace of entries that were cut off.
    async fn beyond(&mut self, lines: &mut Vec<ExportLine>) -> Result<(), AuditLogError> {
        self.checkpoints.look_again();
        while let Some(sighting) = self.checkpoints.next_up_to(LAST).await? {
            let head = self.audit.head().await.map_err(|error| error.behind(self.reached))?;
            if sighting.checkpoint.seq > head.seq {
                lines.push(ExportLine::Checkpoint { checkpoint: sighting.checkpoint });
            }
        }
        Ok(())
    }
}
