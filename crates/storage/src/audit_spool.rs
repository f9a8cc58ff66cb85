//! The spool of stops whose audit entry cannot be written: a file beside the database.
//!
//! One line for each step, fsynced before it counts ([`lines`]). The file's space is reserved when it is made ([`reserve`]):
//! a full disk is a time at which stops are needed.

mod lines;
mod reserve;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use flightdeck_domain::audit::{Fate, SpooledAction};
use flightdeck_domain::ports::{AuditSpool, StoreUnavailable, Waiting};
use uuid::Uuid;

use self::lines::{Contents, Step};
pub use self::reserve::is_reserved;

/// The file's name in the data folder.
pub const FILE: &str = "audit-spool.jsonl";

/// So many bytes are reserved at first, and so many more at a time as long as the disk has them. They hold 2,000 stops with
/// reasons of up to 200 characters, and 700 with the longest reasons: `docs/security.md` promises both.
pub const RESERVED: u64 = 4 << 20;

/// What is kept free for each stop that waits: it has to be settled and removed again, on a full disk too.
const TO_THE_END: u64 = 1_024;

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it cannot be read.
    #[error(
        "line {line} of {path} makes no sense: {why}; a stop that is not on the audit log yet may be lost with it, so look at it, then move the file away"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// The spool in a file.
#[derive(Clone)]
pub struct SpoolFile {
    open: Arc<Mutex<Open>>,
}

struct Open {
    file: File,
    /// What the file holds; what a failed write left behind its end is overwritten.
    contents: Contents,
    /// How many bytes of the file have their place on the disk; `None` where they cannot be reserved.
    reserved: Option<u64>,
}

impl SpoolFile {
    /// Opens the file, or makes it, readable by its owner only, and reserves its space. A last line that a crash left half
    /// written was never acknowledged, and goes.
    ///
    /// # Errors
    /// The file cannot be used, or has a line that makes no sense.
    pub fn open(data_dir: &Path) -> Result<Self, SpoolError> {
        Self::open_with(data_dir, RESERVED)
    }

    fn open_with(data_dir: &Path, bytes: u64) -> Result<Self, SpoolError> {
        let path = data_dir.join(FILE);
        let failed = |source| SpoolError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let spoilt = |lines::Spoilt { line, why }| SpoolError::Line { path: path.clone(), line, why };
        let contents = lines::read(&text).map_err(spoilt)?;
        if !contents.waiting.is_empty() {
            tracing::warn!(stops = contents.waiting.len(), "stops wait in {FILE} for their place on the audit log");
        }
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX).max(bytes);
        let reserved = match reserve::reserve(&file, length) {
            Ok(()) => Some(length),
            Err(error) => {
                tracing::warn!(%error, bytes = length, "no space could be reserved for {FILE}; on a full disk stops are refused");
                None
            }
        };
        Ok(Self { open: Arc::new(Mutex::new(Open { file, contents, reserved })) })
    }

    /// Writes a step down, durably, then takes it into account.
    async fn take(&self, step: Step) -> Result<(), StoreUnavailable> {
        let open = Arc::clone(&self.open);
        let written = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            open.write(step)
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "{FILE} cannot be written");
                Err(StoreUnavailable::new(error))
            }
            Err(error) => Err(StoreUnavailable::new(error)),
        }
    }
}

impl Open {
    fn write(&mut self, step: Step) -> io::Result<()> {
        let line = lines::line(&step, self.contents.generation)?;
        let end = size(self.contents.end.saturating_add(line.len()));
        if matches!(step, Step::Keep(_)) {
            let waiting = size(self.contents.waiting.len().saturating_add(1));
            self.have_room(end.saturating_add(waiting.saturating_mul(TO_THE_END)))?;
        }
        self.file.write_all_at(&line, size(self.contents.end))?;
        self.file.sync_data()?;
        self.contents.end = self.contents.end.saturating_add(line.len());
        lines::apply(&mut self.contents.waiting, step);
        if self.contents.waiting.is_empty() {
            // Nothing that stands in the file counts any more, so nothing is to be written: the next line begins a new
            // generation over it.
            self.contents.end = 0;
            self.contents.generation = self.contents.generation.wrapping_add(1);
        }
        Ok(())
    }

    /// A stop is kept only with the room to bring it to its end.
    fn have_room(&mut self, bytes: u64) -> io::Result<()> {
        let Some(reserved) = self.reserved.filter(|reserved| bytes > *reserved) else { return Ok(()) };
        let more = bytes.max(reserved.saturating_add(RESERVED));
        reserve::reserve(&self.file, more).map_err(|error| {
            let waiting = self.contents.waiting.len();
            let told =
                format!("the space reserved for stops is used up by the {waiting} that wait, and there is no more");
            io::Error::new(error.kind(), told)
        })?;
        self.reserved = Some(more);
        Ok(())
    }
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[async_trait]
impl AuditSpool for SpoolFile {
    async fn keep(&self, action: SpooledAction) -> Result<(), StoreUnavailable> {
        tracing::error!(
            action = action.name().as_str(),
            actor = %action.actor,
            "the audit log cannot be written; a stop goes on, its entry waits in {FILE}"
        );
        self.take(Step::Keep(action)).await
    }

    async fn settle(&self, id: Uuid, fate: Fate) -> Result<(), StoreUnavailable> {
        self.take(Step::Settle { id, fate }).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreUnavailable> {
        Ok(self.open.lock().unwrap_or_else(PoisonError::into_inner).contents.waiting.clone())
    }

    async fn remove(&self, id: Uuid) -> Result<(), StoreUnavailable> {
        self.take(Step::Remove { id }).await
    }
}

#[cfg(test)]
mod tests;
