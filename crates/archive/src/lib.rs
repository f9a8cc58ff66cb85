//! Keeps conversations outside the store, in a folder or in S3: the port [`flightdeck_domain::ports::Archive`].
//!
//! # Objects
//! `sessions/<2 digits>/<session>-<16 digits of the digest>.jsonl.zst` is one session: independent frames of zstd
//! (RFC 8878), of at most a thousand records or some four megabytes each. Decompressed it is JSON, one record a line: the
//! session first, then messages by seq, commands by seq, and permission requests. The last frame is a *skippable* one, which
//! `zstd -d` passes over: the index, which says where each frame is and which records it has. So a page of any depth needs
//! the index and one frame, and no more memory than a frame.
//!
//! `manifests/<time>-<16 digits>.json` names objects with their digests, signed.
//!
//! # What does not belong here
//! Which sessions are archived and when ([`flightdeck_domain::use_cases::ArchiveSessions`]), and the store.

mod archive;
mod index;
mod line;
mod place;
mod reader;
mod writer;

pub use archive::ObjectArchive;
pub use place::{ArchivePlace, PlaceError};
