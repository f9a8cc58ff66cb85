//! Ids of traces and spans.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::SessionId;

/// The id of a trace: 16 bytes, not all of them zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span: 8 bytes, not all of them zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// The trace of a tree: the id of the session at its top, so that it is found by it.
    #[must_use]
    pub fn of_tree(root: SessionId) -> Self {
        let id = *root.as_uuid().as_bytes();
        if id == [0; 16] { Self([1; 16]) } else { Self(id) }
    }
}

impl SpanId {
    /// The span of a session.
    #[must_use]
    pub fn of_session(session: SessionId) -> Self {
        Self::of(session, "session", "")
    }

    /// The span of a turn, by its first message; and of a tool call, by its id.
    pub(super) fn of(session: SessionId, what: &str, which: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"flightdeck/span/v1");
        hash.update(session.as_uuid().as_bytes());
        hash.update(what.as_bytes());
        hash.update([0]);
        hash.update(which.as_bytes());
        let mut id = [0; 8];
        for (byte, of_digest) in id.iter_mut().zip(hash.finalize()) {
            *byte = of_digest;
        }
        if id == [0; 8] { Self([1; 8]) } else { Self(id) }
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex::hex(&self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex::hex(&self.0))
    }
}
