//! Where the frames of an object are.

use flightdeck_domain::ids::SessionId;
use serde::{Deserialize, Serialize};

use crate::line::VERSION;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The line of the session.
    Session,
    Messages,
    Commands,
    Approvals,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Where it begins, in bytes.
    pub(crate) at: u64,
    /// Its length, in bytes.
    pub(crate) len: u64,
    /// Its length when it is decompressed.
    pub(crate) raw: u64,
    /// The place of its first record; they are dense. For permission requests the number of those before it, plus one.
    pub(crate) first: u64,
    /// How many records it has.
    pub(crate) records: u64,
}

impl Frame {
    /// The place of its last record.
    pub(crate) const fn last(&self) -> u64 {
        self.first.saturating_add(self.records).saturating_sub(1)
    }
}

/// All frames of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) version: u32,
    pub(crate) session: SessionId,
    pub(crate) frames: Vec<Frame>,
}

/// A skippable frame (RFC 8878, section 3.1.2).
const SKIPPABLE: [u8; 4] = 0x184D_2A5E_u32.to_le_bytes();
/// The last bytes of an object.
const MAGIC: [u8; 4] = *b"FDX1";
/// What comes behind the index: its length, and [`MAGIC`].
pub(crate) const FOOTER: u64 = 8;

/// Why bytes are not the end of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its index cannot be read")]
pub(crate) struct NoIndex;

impl Index {
    pub(crate) const fn new(session: SessionId) -> Self {
        Self { version: VERSION, session, frames: Vec::new() }
    }

    /// The frames of a kind.
    pub(crate) fn of(&self, kind: Kind) -> impl DoubleEndedIterator<Item = Frame> + '_ {
        self.frames.iter().copied().filter(move |frame| frame.kind == kind)
    }

    /// The place of the last record of a kind; zero when there is none.
    pub(crate) fn last(&self, kind: Kind) -> u64 {
        self.of(kind).next_back().map_or(0, |frame| frame.last())
    }

    /// The frame that ends an object.
    pub(crate) fn to_frame(&self) -> Result<Vec<u8>, serde_json::Error> {
        let json = serde_json::to_vec(self)?;
        let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
        let whole = length.saturating_add(u32::try_from(FOOTER).unwrap_or_default());
        Ok([&SKIPPABLE[..], &whole.to_le_bytes(), &json, &length.to_le_bytes(), &MAGIC].concat())
    }

    /// How long the index is, from the last bytes of an object.
    pub(crate) fn length(tail: &[u8]) -> Result<u64, NoIndex> {
        let (rest, magic) = tail.split_last_chunk::<4>().ok_or(NoIndex)?;
        let (_, length) = rest.split_last_chunk::<4>().ok_or(NoIndex)?;
        if *magic == MAGIC { Ok(u64::from(u32::from_le_bytes(*length))) } else { Err(NoIndex) }
    }

    /// Reads the index from the last bytes of an object, which have all of it.
    pub(crate) fn read(tail: &[u8]) -> Result<Self, NoIndex> {
        let length = usize::try_from(Self::length(tail)? + FOOTER).map_err(|_too_long| NoIndex)?;
        let begin = tail.len().checked_sub(length).ok_or(NoIndex)?;
        let end = tail.len().checked_sub(usize::try_from(FOOTER).unwrap_or(usize::MAX)).ok_or(NoIndex)?;
        let index: Self = serde_json::from_slice(tail.get(begin..end).ok_or(NoIndex)?).map_err(|_broken| NoIndex)?;
        if index.version == VERSION { Ok(index) } else { Err(NoIndex) }
    }
}
