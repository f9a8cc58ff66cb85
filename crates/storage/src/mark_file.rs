//! What a server remembers of its store, in a file of the data folder: a restore of the database does not reach it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ports::{KnownStore, StoreMemory, StoreUnavailable};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const FILE: &str = "store-mark.json";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
enum MarkFileError {
    #[error("cannot read or write {path}")]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{path} makes no sense; if the database was restored from a backup, run `flightdeck epoch renew`; then move the file away"
    )]
    Content { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    epoch: String,
    marks: Vec<Uuid>,
}

/// The memory in a file.
#[derive(Clone, Debug)]
pub struct MarkFile {
    folder: PathBuf,
}

impl MarkFile {
    /// The one of this data folder. Nothing is read yet.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.to_owned() }
    }

    fn read(&self) -> Result<Option<KnownStore>, MarkFileError> {
        let path = self.folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MarkFileError::File { path, source }),
        };
        let content: Content = match serde_json::from_slice(&text) {
            Ok(content) => content,
            Err(source) => return Err(MarkFileError::Content { path, source: source.into() }),
        };
        let epoch: Epoch = match content.epoch.parse() {
            Ok(epoch) => epoch,
            Err(source) => {
                let source: flightdeck_domain::epoch::InvalidEpoch = source;
                return Err(MarkFileError::Content { path, source: source.into() });
            }
        };
        Ok(Some(KnownStore { epoch, marks: content.marks.into_iter().map(StoreMark::new).collect() }))
    }

    /// Beside the old file, then in its place: a crash leaves one of the two.
    fn write(&self, known: &KnownStore) -> Result<(), MarkFileError> {
        let marks = known.marks.iter().map(|mark| *mark.as_uuid()).collect();
        let content = Content { epoch: known.epoch.to_string(), marks };
        let (path, beside) = (self.folder.join(FILE), self.folder.join(format!("{FILE}.new")));
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&beside)?;
            serde_json::to_writer(&mut file, &content)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|source| MarkFileError::File { path: path.clone(), source })
    }
}

/// Files are read and written where waiting holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MarkFileError> + Send + 'static,
) -> Result<T, StoreUnavailable> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(StoreUnavailable::new),
        Err(error) => Err(StoreUnavailable::new(error)),
    }
}

#[async_trait]
impl StoreMemory for MarkFile {
    async fn known(&self) -> Result<Option<KnownStore>, StoreUnavailable> {
        let file = self.clone();
        blocking(move || file.read()).await
    }

    async fn remember(&self, known: KnownStore) -> Result<(), StoreUnavailable> {
        let file = self.clone();
        blocking(move || file.write(&known)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_remembers_and_refuses_nonsense() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = MarkFile::new(folder.path());
        assert_eq!(file.known().await.expect("read"), None);
        let known = KnownStore { epoch: Epoch::new(7), marks: vec![StoreMark::new(Uuid::from_u128(1))] };
        file.remember(known.clone()).await.expect("written");
        assert_eq!(MarkFile::new(folder.path()).known().await.expect("read"), Some(known));
        for nonsense in ["", "{}", r#"{"epoch":"7","marks":[]}"#] {
            fs::write(folder.path().join(FILE), nonsense).expect("written");
            assert!(file.known().await.is_err(), "{nonsense:?}");
        }
    }
}
