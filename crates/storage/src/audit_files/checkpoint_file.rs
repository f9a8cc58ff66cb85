//! The checkpoints outside the database.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flightdeck_domain::audit::Checkpoint;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{
    ArchiveHolds, ArchivePage, ArchivePlace, ArchiveTurn, AuditLogError, CheckpointArchive, StoreUnavailable,
};

use super::{AuditFilesError, CHECKPOINTS, SIGNING_KEY};

/// The checkpoints in a file, one JSON line each, fsynced. A server and commands may have it open at the same time.
#[derive(Clone)]
pub struct CheckpointFile {
    path: PathBuf,
    holds: ArchiveHolds,
    open: Arc<Mutex<Open>>,
}

struct Open {
    file: File,
    length: u64,
    newest: Option<Checkpoint>,
}

impl Open {
    /// Whether what was read so far ends with a line.
    fn is_at_a_line(&mut self) -> io::Result<bool> {
        let Some(before) = self.length.checked_sub(1) else { return Ok(true) };
        self.file.seek(SeekFrom::Start(before))?;
        let mut last = [0];
        self.file.read_exact(&mut last)?;
        Ok(last == *b"\n")
    }

    /// Takes in what another process has added, as `flightdeck audit checkpoint` does. Under the lock nobody is in the
    /// midst of a line: one without an end is what a crash left, was never acknowledged, and goes.
    fn catch_up(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() < self.length || !self.is_at_a_line()? {
            // Somebody has cut it, or written it anew. What was the newest stays so: it was signed.
            self.length = 0;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        let mut reader = BufReader::new(&self.file);
        loop {
            let mut text = Vec::new();
            let bytes = reader.read_until(b'\n', &mut text)?;
            if text.last() != Some(&b'\n') {
                break;
            }
            let place = self.length;
            self.length += size(bytes);
            let Some(checkpoint) = parse(&text) else {
                tracing::error!(place, "a line of {CHECKPOINTS} is no checkpoint; see GET /audit/verify");
                continue;
            };
            if self.newest.is_none_or(|newest| newest.seq < checkpoint.seq) {
                self.newest = Some(checkpoint);
            }
        }
        self.file.set_len(self.length)
    }
}

impl CheckpointFile {
    /// Opens the file, or makes it.
    pub fn open(data_dir: &Path, holds: ArchiveHolds) -> Result<Self, AuditFilesError> {
        let path = data_dir.join(CHECKPOINTS);
        let failed = |source| AuditFilesError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        let mut open = Open { file, length: 0, newest: None };
        open.file.lock().map_err(failed)?;
        let read = open.catch_up();
        open.file.unlock().map_err(failed)?;
        read.map_err(failed)?;
        Ok(Self { path, holds, open: Arc::new(Mutex::new(open)) })
    }

    /// Runs file work on a thread that may wait, while no other process writes.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &mut Open) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreUnavailable> {
        let Self { path, open, .. } = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            open.file.lock()?;
            let done = work(&path, &mut open);
            open.file.unlock()?;
            done
        });
        done.await.map_err(StoreUnavailable::new)?.map_err(StoreUnavailable::new)
    }
}

#[async_trait::async_trait]
impl CheckpointArchive for CheckpointFile {
    async fn append(&self, checkpoint: Checkpoint) -> Result<(), StoreUnavailable> {
        self.blocking(move |_, open| {
            open.catch_up()?;
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
            Err(seq) => Err(broken(seq)),
        }
    }

    async fn newest(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        self.blocking(|_, open| {
            open.catch_up()?;
            Ok(open.newest)
        })
        .await
    }

    fn holds(&self) -> ArchiveHolds {
        self.holds
    }

    /// The lock of the key: whoever makes a checkpoint in this data folder has it, in whatever process.
    async fn turn(&self) -> Result<ArchiveTurn, StoreUnavailable> {
        let path = self.path.with_file_name(SIGNING_KEY);
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::open(path)?;
            file.lock()?;
            io::Result::Ok(file)
        });
        let file = locked.await.map_err(StoreUnavailable::new)?.map_err(StoreUnavailable::new)?;
        Ok(Box::new(file))
    }

    async fn refill(&self, checkpoints: Vec<Checkpoint>) -> Result<(), AuditLogError> {
        let refilled = self.blocking(move |path, open| refill(path, open, checkpoints)).await?;
        refilled.map_err(broken)
    }
}

fn broken(seq: AuditSeq) -> AuditLogError {
    AuditLogError::Broken { seq, detail: format!("a line of {CHECKPOINTS} is no checkpoint") }
}

/// Writes the file anew with what is missing in its place. What is there stays, also what the database does not hold: that is a
/// finding of its own.
fn refill(path: &Path, open: &mut Open, checkpoints: Vec<Checkpoint>) -> io::Result<Result<(), AuditSeq>> {
    let there = match read(path, ArchivePlace::default(), usize::MAX)? {
        Ok(page) => page.checkpoints,
        Err(seq) => return Ok(Err(seq)),
    };
    let mut all: BTreeMap<AuditSeq, Checkpoint> = checkpoints.into_iter().map(|it| (it.seq, it)).collect();
    all.extend(there.into_iter().map(|it| (it.seq, it)));
    let mut lines = Vec::new();
    for checkpoint in all.values() {
        serde_json::to_writer(&mut lines, checkpoint)?;
        lines.push(b'\n');
    }
    open.file.set_len(0)?;
    open.file.seek(SeekFrom::Start(0))?;
    open.file.write_all(&lines)?;
    open.file.sync_all()?;
    open.length = size(lines.len());
    open.newest = all.into_values().next_back();
    Ok(Ok(()))
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
    use std::fs;

    use super::*;
    use flightdeck_domain::audit::{AuditHash, AuditHead, CheckpointSigningKey};
    use flightdeck_domain::ports::Clock;
    use flightdeck_domain::system::SystemClock;

    fn checkpoint(seq: u64) -> Checkpoint {
        let head = AuditHead { seq: AuditSeq::new(seq), hash: AuditHash::of(&seq.to_be_bytes()) };
        Checkpoint::sign(head, SystemClock.now(), &CheckpointSigningKey::from_seed(&[1; 32]))
    }

    #[tokio::test]
    async fn what_is_added_is_there_after_reopening_and_half_a_line_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("made");
        assert_eq!(file.newest().await.expect("read"), None);
        let all = [checkpoint(3), checkpoint(5), checkpoint(9)];
        for checkpoint in [all[0], all[1], all[0], all[1], all[2]] {
            file.append(checkpoint).await.expect("added");
        }
        let path = folder.path().join(CHECKPOINTS);
        let mut torn = OpenOptions::new().append(true).open(&path).expect("opened");
        torn.write_all(b"{\"at\":\"2026").expect("written");
        let file = CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("reopened");
        assert_eq!(file.newest().await.expect("read"), Some(all[2]));
        let first = file.page(ArchivePlace::default(), 2).await.expect("read");
        assert_eq!(first.checkpoints, all[..2]);
        let rest = file.page(first.next, 2).await.expect("read");
        assert_eq!(rest.checkpoints, all[2..]);
        assert_eq!(file.page(rest.next, 2).await.expect("read").checkpoints, []);
    }

    #[tokio::test]
    async fn two_who_have_it_open_write_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let all: Vec<_> = (1..=20).map(checkpoint).collect();
        let hands = [(), ()].map(|()| CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("opened"));
        for (n, checkpoint) in all.iter().enumerate() {
            hands[n % 3 % 2].append(*checkpoint).await.expect("added");
        }
        for hand in &hands {
            assert_eq!(hand.newest().await.expect("read"), all.last().copied());
            // What the other one has added is there already.
            hand.append(all[18]).await.expect("passed over");
        }
        let page = hands[0].page(ArchivePlace::default(), 99).await.expect("read");
        assert_eq!(page.checkpoints, all);
    }

    #[tokio::test]
    async fn a_file_that_was_cut_is_written_on_without_a_hole() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("made");
        let signed = checkpoint(5);
        for checkpoint in [checkpoint(3), signed] {
            file.append(checkpoint).await.expect("added");
        }
        let path = folder.path().join(CHECKPOINTS);
        OpenOptions::new().write(true).open(&path).expect("opened").set_len(0).expect("cut");
        assert_eq!(file.newest().await.expect("read"), Some(signed));
        file.append(checkpoint(9)).await.expect("added");
        let page = file.page(ArchivePlace::default(), 9).await.expect("every line is one");
        assert_eq!(page.checkpoints.iter().map(|it| it.seq.get()).collect::<Vec<_>>(), [9]);
    }

    #[tokio::test]
    async fn what_is_missing_is_put_where_it_belongs_and_nothing_is_taken_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let hands = [(), ()].map(|()| CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("opened"));
        for seq in [3, 9] {
            hands[0].append(checkpoint(seq)).await.expect("added");
        }
        let refilled = [checkpoint(1), checkpoint(5), checkpoint(7)];
        hands[1].refill(refilled.to_vec()).await.expect("refilled");
        hands[0].append(checkpoint(11)).await.expect("goes on at the end");
        let page = hands[1].page(ArchivePlace::default(), 99).await.expect("every line is one");
        assert_eq!(page.checkpoints.iter().map(|it| it.seq.get()).collect::<Vec<_>>(), [1, 3, 5, 7, 9, 11]);
    }

    #[tokio::test]
    async fn one_at_a_time_brings_a_checkpoint() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(SIGNING_KEY), "key").expect("written");
        let hands = [(), ()].map(|()| CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("opened"));
        let turn = hands[0].turn().await.expect("free");
        let other = File::open(folder.path().join(SIGNING_KEY)).expect("opened");
        assert!(other.try_lock().is_err(), "it is somebody's turn");
        drop(turn);
        drop(hands[1].turn().await.expect("free again"));
        assert!(other.try_lock().is_ok());
    }

    #[tokio::test]
    async fn a_line_of_something_else_is_a_finding() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("made");
        file.append(checkpoint(3)).await.expect("added");
        let path = folder.path().join(CHECKPOINTS);
        OpenOptions::new().append(true).open(&path).expect("opened").write_all(b"hello\n").expect("written");
        let broken = file.page(ArchivePlace::default(), 9).await.expect_err("broken");
        assert!(matches!(broken, AuditLogError::Broken { seq, .. } if seq == AuditSeq::new(3)), "{broken}");
        let reopened = CheckpointFile::open(folder.path(), ArchiveHolds::All).expect("the server starts all the same");
        assert_eq!(reopened.newest().await.expect("read").map(|newest| newest.seq), Some(AuditSeq::new(3)));
        assert!(reopened.page(ArchivePlace::default(), 9).await.is_err());
        fs::remove_file(path).expect("removed");
        assert_eq!(file.page(ArchivePlace::default(), 9).await.expect("read").checkpoints, []);
    }
}
