//! What a program writes to its standard error, kept within a bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flightdeck_agent_io::scrub::{ScrubbedBytes, Scrubber};

/// Where a log is kept: in two files, of which the older is thrown away when the newer has half of the bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    path: PathBuf,
    bound: u64,
}

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTail {
    /// The newest bytes; anything that is no UTF-8 is replaced.
    pub text: String,
    /// Whether there is more before it, or was.
    pub truncated: bool,
}

impl LogFile {
    /// A log in this file, and in one beside it, that takes at most so many bytes.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, bound: u64) -> Self {
        Self { path: path.into(), bound: bound.max(2) }
    }

    /// The newest bytes of it, at most so many, from the begin of a line where there are lines. `None` when there is no
    /// such log.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn tail(&self, most: u64) -> io::Result<Option<LogTail>> {
        let Some((newer, cut)) = end_of(&self.path, most)? else { return Ok(None) };
        let left = most.saturating_sub(u64::try_from(newer.len()).unwrap_or(u64::MAX));
        let older = if cut { None } else { end_of(&self.older(), left)? };
        let (mut bytes, truncated) = match older {
            Some((older, older_cut)) => (older, older_cut || self.was_cut()),
            None => (Vec::new(), cut || self.was_cut()),
        };
        bytes.extend(newer);
        let begin = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end_of_line) if truncated => end_of_line + 1,
            _ => 0,
        };
        let text = String::from_utf8_lossy(bytes.get(begin..).unwrap_or_default()).into_owned();
        Ok(Some(LogTail { text, truncated }))
    }

    fn older(&self) -> PathBuf {
        beside(&self.path, "1")
    }

    fn was_cut(&self) -> bool {
        beside(&self.path, "cut").exists()
    }

    /// Begins it, empty. These secrets are taken out of what comes.
    pub(crate) fn create(&self, scrubber: Scrubber) -> io::Result<LogWriter> {
        for old in [self.older(), beside(&self.path, "cut")] {
            match std::fs::remove_file(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(LogWriter {
            file: open_new(&self.path)?,
            place: self.clone(),
            written: 0,
            scrubbed: ScrubbedBytes::new(scrubber),
        })
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// What an agent says is for its operators alone.
fn open_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// The last bytes of a file, and whether there are more before them.
fn end_of(path: &Path, most: u64) -> io::Result<Option<(Vec<u8>, bool)>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some((bytes, from > 0)))
}

#[derive(Debug)]
pub(crate) struct LogWriter {
    file: File,
    place: LogFile,
    written: u64,
    scrubbed: ScrubbedBytes,
}

impl LogWriter {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let told = self.scrubbed.push(bytes).into_owned();
        self.put(&told)
    }

    /// What was held back, for there is no more.
    fn end(&mut self) -> io::Result<()> {
        let told = self.scrubbed.end();
        self.put(&told)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        // A chunk is small against any sensible bound, so it may stand in one file whole.
        if self.written >= self.place.bound / 2 {
            if self.place.older().exists() {
                File::create(beside(&self.place.path, "cut"))?;
            }
            std::fs::rename(&self.place.path, self.place.older())?;
            self.file = open_new(&self.place.path)?;
            self.written = 0;
        }
        self.file.write_all(bytes)?;
        self.written += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// A log that several write to. What cannot be written is lost; a log that fails once is given up.
#[derive(Clone, Debug)]
pub struct SharedLog(Arc<Mutex<Option<LogWriter>>>);

impl SharedLog {
    pub(crate) fn new(writer: Option<LogWriter>) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    /// One that keeps nothing.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::new(None)
    }

    /// Adds bytes at the end. Those that may be the beginning of a secret stay away until more of them is known.
    pub fn write(&self, bytes: &[u8]) {
        self.with(|log| log.write(bytes));
    }

    /// The program says no more: what stayed away is written.
    pub(crate) fn end(&self) {
        self.with(LogWriter::end);
    }

    fn with(&self, write: impl FnOnce(&mut LogWriter) -> io::Result<()>) {
        // A write that panicked half-way has left a file that can be written on.
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = writer.as_mut()
            && let Err(error) = write(log)
        {
            tracing::warn!(%error, "an agent's log cannot be written");
            *writer = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_stays_within_its_bound_and_keeps_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LogFile::new(folder.path().join("a.log"), 200);
        assert_eq!(log.tail(1_000).expect("read"), None);
        let mut writer = log.create(Scrubber::default()).expect("made");
        for n in 0..1_000 {
            writer.write(format!("line {n}\n").as_bytes()).expect("written");
        }
        let size: u64 = [log.path.clone(), log.older()].iter().map(|p| p.metadata().expect("there").len()).sum();
        assert!(size <= 220, "{size}");
        let tail = log.tail(1_000).expect("read").expect("there");
        assert!(tail.truncated && tail.text.starts_with("line ") && tail.text.ends_with("line 999\n"), "{tail:?}");
        let tail = log.tail(20).expect("read").expect("there");
        assert_eq!(tail, LogTail { text: "line 998\nline 999\n".into(), truncated: true });
    }

    #[test]
    fn no_secret_is_written_however_the_program_cuts_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LogFile::new(folder.path().join("a.log"), 10_000);
        let shared = SharedLog::new(Some(log.create(Scrubber::new([("KEY", "hush-hush-hush")])).expect("made")));
        let told = || log.tail(1_000).expect("read").expect("there").text;
        shared.write(b"my key is hush-hu");
        assert_eq!(told(), "my key is ");
        shared.write(b"sh-hush.\nhush-hush-");
        assert_eq!(told(), "my key is [credential KEY].\n");
        shared.end();
        assert_eq!(told(), "my key is [credential KEY].\nhush-hush-");
    }

    #[test]
    fn a_short_log_is_whole_and_a_new_one_begins_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LogFile::new(folder.path().join("a.log"), 1_000);
        log.create(Scrubber::default()).expect("made").write(b"one\ntwo").expect("written");
        assert_eq!(log.tail(100).expect("read"), Some(LogTail { text: "one\ntwo".into(), truncated: false }));
        log.create(Scrubber::default()).expect("made");
        assert_eq!(log.tail(100).expect("read"), Some(LogTail { text: String::new(), truncated: false }));
    }
}
