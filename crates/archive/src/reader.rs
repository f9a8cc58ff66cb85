//! Objects that are read: the index, then the frames that are wanted.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flightdeck_domain::ports::ArchiveError;
use flightdeck_domain::retention::ObjectName;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _};

use crate::archive::{lost, path, scratch};
use crate::index::{FOOTER, Frame, Index};

/// So much of the end of an object is read at first; the index of most objects is in it.
const TAIL: u64 = 16 * 1_024;
/// A frame that claims to be longer when it is decompressed is broken: one message has at most some megabytes.
const MOST_RAW: u64 = 256 * 1_048_576;
/// How many indexes are remembered. Objects never change.
const REMEMBERED: usize = 16;

/// Reads objects.
#[derive(Clone)]
pub(crate) struct Reader {
    store: Arc<dyn ObjectStore>,
    known: Known,
}

/// The indexes that were read last, the oldest first.
type Known = Arc<Mutex<VecDeque<(ObjectName, Arc<Index>)>>>;

/// A decompressed frame.
pub(crate) struct Lines {
    bytes: Vec<u8>,
    first: u64,
}

impl Lines {
    /// Its lines, each with its place.
    pub(crate) fn each(&self) -> impl DoubleEndedIterator<Item = (u64, &[u8])> {
        let lines: Vec<&[u8]> = self.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let first = self.first;
        let places = (0_u64..).map(move |n| first.saturating_add(n));
        places.zip(lines).collect::<Vec<_>>().into_iter()
    }
}

impl Reader {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, known: Arc::default() }
    }

    /// The index of an object.
    pub(crate) async fn index(&self, name: &ObjectName) -> Result<Arc<Index>, ArchiveError> {
        if let Some(index) = self.remembered(name) {
            return Ok(index);
        }
        let index = Arc::new(self.read_index(name).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_back((name.clone(), Arc::clone(&index)));
        if known.len() > REMEMBERED {
            known.pop_front();
        }
        Ok(index)
    }

    fn remembered(&self, name: &ObjectName) -> Option<Arc<Index>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(known, _)| known == name).map(|(_, index)| Arc::clone(index))
    }

    async fn read_index(&self, name: &ObjectName) -> Result<Index, ArchiveError> {
        let broken =
            |error: crate::index::NoIndex| ArchiveError::Broken { name: name.clone(), what: error.to_string() };
        let mut tail = self.tail(name, TAIL).await?;
        let wanted = Index::length(&tail).map_err(broken)?.saturating_add(FOOTER);
        if u64::try_from(tail.len()).unwrap_or(u64::MAX) < wanted {
            tail = self.tail(name, wanted).await?;
        }
        Index::read(&tail).map_err(broken)
    }

    async fn tail(&self, name: &ObjectName, length: u64) -> Result<Bytes, ArchiveError> {
        let options = GetOptions { range: Some(GetRange::Suffix(length)), ..GetOptions::default() };
        let found = self.store.get_opts(&path(name)?, options).await.map_err(|error| lost(name, error))?;
        found.bytes().await.map_err(|error| lost(name, error))
    }

    /// A frame, decompressed.
    pub(crate) async fn lines(&self, name: &ObjectName, frame: Frame) -> Result<Lines, ArchiveError> {
        let broken = |what: String| ArchiveError::Broken { name: name.clone(), what };
        if frame.raw > MOST_RAW {
            return Err(broken(format!("a frame of {} bytes", frame.raw)));
        }
        let range: Range<u64> = frame.at..frame.at.saturating_add(frame.len);
        let packed = self.store.get_range(&path(name)?, range).await.map_err(|error| lost(name, error))?;
        let raw = usize::try_from(frame.raw).unwrap_or(usize::MAX);
        let unpacked = scratch(move || Ok(zstd::bulk::decompress(&packed, raw))).await?;
        let bytes = unpacked.map_err(|error| broken(format!("the frame at byte {}: {error}", frame.at)))?;
        let lines = Lines { bytes, first: frame.first };
        let found = u64::try_from(lines.each().count()).unwrap_or(u64::MAX);
        if found != frame.records {
            return Err(broken(format!("the frame at byte {} has {found} lines, not {}", frame.at, frame.records)));
        }
        Ok(lines)
    }
}
