//! The spool of stops whose audit entry cannot be written: a file beside the database.
//!
//! One JSON line for each step, fsynced before it counts. The file is empty almost always: it is cut back as soon as
//! nothing waits any more.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use flightdeck_domain::audit::{Fate, SpooledAction};
use flightdeck_domain::ports::{AuditSpool, StoreUnavailable, Waiting};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const FILE: &str = "audit-spool.jsonl";

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("cannot read or write {path}")]
    File { path: PathBuf, source: io::Error },
    #[error(
        "line {line} of {path} makes no sense; a stop that is not on the audit log yet may be lost with it, so look at it, then move the file away"
    )]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
}

/// One step in the life of what is spooled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Step {
    Keep(SpooledAction),
    Settle { id: Uuid, fate: Fate },
    Remove { id: Uuid },
}

/// The spool in a file.
#[derive(Clone)]
pub(crate) struct SpoolFile {
    open: Arc<Mutex<Open>>,
}

struct Open {
    file: File,
    /// How much of the file is good; what a failed write left behind it is overwritten.
    length: u64,
    waiting: Vec<Waiting>,
}

impl SpoolFile {
    /// Opens the file, or makes it, readable by its owner only. A last line that a crash left half written was never
    /// acknowledged, and goes.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, SpoolError> {
        let path = data_dir.join(FILE);
        let failed = |source| SpoolError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        let (mut length, mut waiting) = (0, Vec::new());
        let mut reader = BufReader::new(&file);
        for line in 1_usize.. {
            let mut text = Vec::new();
            let read = reader.read_until(b'\n', &mut text).map_err(failed)?;
            if text.last() != Some(&b'\n') {
                break;
            }
            let step = serde_json::from_slice(&text);
            apply(&mut waiting, step.map_err(|source| SpoolError::Line { path: path.clone(), line, source })?);
            length += u64::try_from(read).unwrap_or(u64::MAX);
        }
        file.set_len(length).map_err(failed)?;
        if !waiting.is_empty() {
            tracing::warn!(stops = waiting.len(), "stops wait in {FILE} for their place on the audit log");
        }
        Ok(Self { open: Arc::new(Mutex::new(Open { file, length, waiting })) })
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
        let mut line = serde_json::to_vec(&step)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.length += u64::try_from(line.len()).unwrap_or(u64::MAX);
        apply(&mut self.waiting, step);
        if self.waiting.is_empty() {
            self.file.set_len(0)?;
            self.length = 0;
        }
        Ok(())
    }
}

fn apply(waiting: &mut Vec<Waiting>, step: Step) {
    match step {
        Step::Keep(action) => waiting.push(Waiting { action, fate: None }),
        Step::Settle { id, fate } => {
            if let Some(found) = waiting.iter_mut().find(|waiting| waiting.action.id == id) {
                found.fate = Some(fate);
            }
        }
        Step::Remove { id } => waiting.retain(|waiting| waiting.action.id != id),
    }
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
        Ok(self.open.lock().unwrap_or_else(PoisonError::into_inner).waiting.clone())
    }

    async fn remove(&self, id: Uuid) -> Result<(), StoreUnavailable> {
        self.take(Step::Remove { id }).await
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::action::{Intervention, OperatorAction, Origin};
    use flightdeck_domain::ids::SessionId;
    use flightdeck_domain::operator::Actor;
    use flightdeck_domain::text::RequestId;
    use flightdeck_domain::time::Timestamp;

    use super::*;

    fn stop(n: u128) -> SpooledAction {
        let by = Origin::new(Actor::local_cli(), RequestId::new("req-1").expect("valid"));
        let by = by.at(Timestamp::from_micros(0).expect("a moment"));
        let session_id = SessionId::new(Uuid::from_u128(1));
        let action = OperatorAction { session_id, intervention: Intervention::Kill, operation: None, able: None, by };
        SpooledAction::one(Uuid::from_u128(n), &action).expect("a stop")
    }

    async fn ids(spool: &SpoolFile) -> Vec<(u128, Option<Fate>)> {
        let waiting = spool.waiting().await.expect("read");
        waiting.into_iter().map(|waiting| (waiting.action.id.as_u128(), waiting.fate)).collect()
    }

    #[tokio::test]
    async fn what_is_kept_is_there_after_a_crash_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = SpoolFile::open(folder.path()).expect("opened");
        for n in 1..=3 {
            spool.keep(stop(n)).await.expect("kept");
        }
        spool.settle(Uuid::from_u128(2), Fate::Done).await.expect("noted");
        spool.remove(Uuid::from_u128(1)).await.expect("removed");
        drop(spool);
        let path = folder.path().join(FILE);
        let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
        file.write_all(b"{\"keep\":{\"id\"").expect("half a line");
        let spool = SpoolFile::open(folder.path()).expect("opened again");
        assert_eq!(ids(&spool).await, [(2, Some(Fate::Done)), (3, None)]);
        spool.keep(stop(4)).await.expect("kept");
        for n in 2..=4 {
            spool.remove(Uuid::from_u128(n)).await.expect("removed");
        }
        assert_eq!((ids(&spool).await, std::fs::metadata(&path).expect("there").len()), (vec![], 0));
    }

    #[test]
    fn a_line_that_makes_no_sense_is_not_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "{\"forget\":{}}\n").expect("written");
        let Err(error) = SpoolFile::open(folder.path()) else { panic!("opened") };
        assert!(error.to_string().contains("line 1 of"), "{error}");
    }
}
