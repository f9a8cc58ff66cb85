//! What stands beside the database so that the database cannot vouch for itself: the key that signs checkpoints, and the
//! checkpoints.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flightdeck_domain::audit::{Checkpoint, CheckpointSigningKey};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{
    ArchivePage, ArchivePlace, AuditLogError, CheckpointArchive, CheckpointSigner, IdGenerator, StoreUnavailable,
};
use flightdeck_domain::system::SystemIds;

const SIGNING_KEY: &str = "audit-signing.key";
const PUBLIC_KEY: &str = "audit-signing.pub";
const CHECKPOINTS: &str = "audit-checkpoints.jsonl";

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditFilesError {
    #[error("cannot read or write {path}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} is no signing key: its text {problem}")]
    Key { path: PathBuf, problem: String },
    #[error(
        "{path} is missing, and {PUBLIC_KEY} beside it says that there was one; put it back, or move both \
         {PUBLIC_KEY} and {CHECKPOINTS} away to begin with a new key"
    )]
    KeyLost { path: PathBuf },
}

/// Reads the signing key, or makes it at the first start: readable by its owner only, the public half beside it.
pub(crate) fn signing_key(data_dir: &Path) -> Result<CheckpointSigningKey, AuditFilesError> {
    let (path, public) = (data_dir.join(SIGNING_KEY), data_dir.join(PUBLIC_KEY));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AuditFilesError::File { path, source }
    };
    let key = match fs::read_to_string(&path) {
        Ok(text) => CheckpointSigningKey::parse(&text)
            .map_err(|error| AuditFilesError::Key { path: path.clone(), problem: error.to_string() })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if public.exists() {
                return Err(AuditFilesError::KeyLost { path });
            }
            let key = CheckpointSigningKey::from_seed(&SystemIds.random_bytes());
            create(&path, &key.reveal(), 0o600).map_err(failed(&path))?;
            key
        }
        Err(source) => return Err(AuditFilesError::File { path, source }),
    };
    let text = key.public_key().to_string();
    if fs::read_to_string(&public).ok().as_deref().map(str::trim) != Some(text.as_str()) {
        create(&public, &text, 0o644).map_err(failed(&public))?;
    }
    Ok(key)
}

fn create(path: &Path, line: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}

/// The checkpoints in a file, one JSON line each, fsynced.
#[derive(Clone)]
pub(crate) struct CheckpointFile {
    path: PathBuf,
    open: Arc<Mutex<Open>>,
}

struct Open {
    file: File,
    length: u64,
    newest: Option<Checkpoint>,
}

impl CheckpointFile {
    /// Opens the file, or makes it. A last line that a crash left half written was never acknowledged, and goes.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, AuditFilesError> {
        let path = data_dir.join(CHECKPOINTS);
        let failed = |source| AuditFilesError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        let mut newest = None;
        let mut length = 0;
        let mut reader = BufReader::new(&file);
        for line in 1_usize.. {
            let mut text = Vec::new();
            let bytes = reader.read_until(b'\n', &mut text).map_err(failed)?;
            if text.last() != Some(&b'\n') {
                break;
            }
            length += size(bytes);
            let Some(checkpoint) = parse(&text) else {
                tracing::error!(line, "a line of {CHECKPOINTS} is no checkpoint; see GET /audit/verify");
                continue;
            };
            if newest.is_none_or(|newest: Checkpoint| newest.seq < checkpoint.seq) {
                newest = Some(checkpoint);
            }
        }
        file.set_len(length).map_err(failed)?;
        Ok(Self { path, open: Arc::new(Mutex::new(Open { file, length, newest })) })
    }

    /// Runs file work on a thread that may wait.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &mut Open) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreUnavailable> {
        let Self { path, open } = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            work(&path, &mut open)
        });
        done.await.map_err(StoreUnavailable::new)?.map_err(StoreUnavailable::new)
    }
}

#[async_trait::async_trait]
impl CheckpointArchive for CheckpointFile {
    async fn append(&self, checkpoint: Checkpoint) -> Result<(), StoreUnavailable> {
        self.blocking(move |_, open| {
            if open.newest.is_some_and(|newest| newest.seq >= checkpoint.seq) {
                return Ok(());
            }
            let mut line = serde_json::to_vec(&checkpoint)?;
            line.push(b'\n');
            open.file.seek(SeekFrom::Start(open.length))?;
            if let Err(error) = open.file.write_all(&line).and_then(|()| open.file.sync_all()) {
                // Half a line must not stand before the next one.
                let _ = open.file.set_len(open.length);
                return Err(error);
            }
            open.length += size(line.len());
            open.newest = Some(checkpoint);
            Ok(())
        })
        .await
    }

    async fn page(&self, from: ArchivePlace, limit: usize) -> Result<ArchivePage, AuditLogError> {
        let read = self.blocking(move |path, _| read(path, from, limit)).await?;
        match read {
            Ok(page) => Ok(page),
            Err(seq) => Err(AuditLogError::Broken { seq, detail: format!("a line of {CHECKPOINTS} is no checkpoint") }),
        }
    }

    async fn newest(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        self.blocking(|_, open| Ok(open.newest)).await
    }
}

/// What stands in the file now, whoever wrote it. A broken line is told by the last good seq of the page.
fn read(path: &Path, from: ArchivePlace, limit: usize) -> io::Result<Result<ArchivePage, AuditSeq>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        // Somebody moved it away while the server runs; what the database holds is left.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(ArchivePage::default())),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(from.0))?;
    let mut page = ArchivePage { checkpoints: Vec::new(), next: from };
    let mut reader = BufReader::new(file);
    while page.checkpoints.len() < limit {
        let mut text = Vec::new();
        // No checkpoint is longer; a file that somebody filled with something else is not read into memory.
        let bytes = reader.by_ref().take(4_096).read_until(b'\n', &mut text)?;
        if bytes == 0 {
            break;
        }
        let Some(checkpoint) = parse(&text) else {
            let last = page.checkpoints.last().map_or(AuditSeq::ZERO, |last: &Checkpoint| last.seq);
            return Ok(Err(last));
        };
        page.checkpoints.push(checkpoint);
        page.next.0 += size(bytes);
    }
    Ok(Ok(page))
}

fn parse(line: &[u8]) -> Option<Checkpoint> {
    serde_json::from_slice(line).ok()
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightdeck_domain::audit::{AuditHash, AuditHead};
    use flightdeck_domain::ports::Clock;
    use flightdeck_domain::system::SystemClock;

    fn checkpoint(seq: u64) -> Checkpoint {
        let head = AuditHead { seq: AuditSeq::new(seq), hash: AuditHash::of(&seq.to_be_bytes()) };
        Checkpoint::sign(head, SystemClock.now(), &CheckpointSigningKey::from_seed(&[1; 32]))
    }

    #[test]
    fn the_key_is_made_once_and_its_loss_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = signing_key(folder.path()).expect("made").public_key();
        assert_eq!(signing_key(folder.path()).expect("read").public_key(), first);
        let public = fs::read_to_string(folder.path().join(PUBLIC_KEY)).expect("written");
        assert_eq!(public.trim(), first.to_string());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(SIGNING_KEY)).expect("made").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        fs::remove_file(folder.path().join(SIGNING_KEY)).expect("removed");
        assert!(matches!(signing_key(folder.path()), Err(AuditFilesError::KeyLost { .. })));
        fs::write(folder.path().join(SIGNING_KEY), "nonsense").expect("written");
        assert!(matches!(signing_key(folder.path()), Err(AuditFilesError::Key { .. })));
    }

    #[tokio::test]
    async fn what_is_added_is_there_after_reopening_and_half_a_line_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CheckpointFile::open(folder.path()).expect("made");
        assert_eq!(file.newest().await.expect("read"), None);
        let all = [checkpoint(3), checkpoint(5), checkpoint(9)];
        for checkpoint in [all[0], all[1], all[0], all[1], all[2]] {
            file.append(checkpoint).await.expect("added");
        }
        let path = folder.path().join(CHECKPOINTS);
        let mut torn = OpenOptions::new().append(true).open(&path).expect("opened");
        torn.write_all(b"{\"at\":\"2026").expect("written");
        let file = CheckpointFile::open(folder.path()).expect("reopened");
        assert_eq!(file.newest().await.expect("read"), Some(all[2]));
        let first = file.page(ArchivePlace::default(), 2).await.expect("read");
        assert_eq!(first.checkpoints, all[..2]);
        let rest = file.page(first.next, 2).await.expect("read");
        assert_eq!(rest.checkpoints, all[2..]);
        assert_eq!(file.page(rest.next, 2).await.expect("read").checkpoints, []);
    }

    #[tokio::test]
    async fn a_line_of_something_else_is_a_finding() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CheckpointFile::open(folder.path()).expect("made");
        file.append(checkpoint(3)).await.expect("added");
        let path = folder.path().join(CHECKPOINTS);
        OpenOptions::new().append(true).open(&path).expect("opened").write_all(b"hello\n").expect("written");
        let broken = file.page(ArchivePlace::default(), 9).await.expect_err("broken");
        assert!(matches!(broken, AuditLogError::Broken { seq, .. } if seq == AuditSeq::new(3)), "{broken}");
        let reopened = CheckpointFile::open(folder.path()).expect("the server starts all the same");
        assert_eq!(reopened.newest().await.expect("read").map(|newest| newest.seq), Some(AuditSeq::new(3)));
        assert!(reopened.page(ArchivePlace::default(), 9).await.is_err());
        fs::remove_file(path).expect("removed");
        assert_eq!(file.page(ArchivePlace::default(), 9).await.expect("read").checkpoints, []);
    }
}
