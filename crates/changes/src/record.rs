//! What is noted of a session beside its trees.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::snapshot::Snapshot;

/// The file, in the shelf.
const NAME: &str = "record.json";

/// When a state was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    Begin,
    TurnBegins,
    TurnEnds,
    End,
}

/// A state that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) when: When,
    /// In microseconds.
    pub(crate) at: i64,
    /// `None` when the state could not be read.
    pub(crate) state: Option<Snapshot>,
}

/// Where the folder and its repository are, and what the repository was like at the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) top: PathBuf,
    pub(crate) objects: PathBuf,
    pub(crate) index: PathBuf,
    pub(crate) exclude: PathBuf,
    pub(crate) commit: Option<String>,
    pub(crate) branch: Option<String>,
}

/// What is noted of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// Nothing can be kept: why.
    Unkept(String),
    /// States.
    Kept {
        place: Place,
        /// How many bytes were put into the shelf after the beginning.
        bytes: u64,
        marks: Vec<Mark>,
    },
}

impl Record {
    /// Reads it; `None` when there is none.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(folder.join(NAME)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(file.as_file(), self)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(NAME)).map_err(|error| error.error)?;
        Ok(())
    }
}
