//! Room on the disk that is there when the disk is full.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Zeros are written in pieces of so many bytes.
const PIECE: usize = 64 << 10;

/// Makes the file at least so many bytes long, each with its place on the disk, and keeps what is in it.
///
/// New places are written with zeros once: to write on a place that was only promised can need room by itself. A failure
/// leaves the file as long as it was.
pub(super) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    let before = file.metadata()?.len();
    let made = fill(file, before, bytes);
    if made.is_err() && file.metadata().is_ok_and(|now| now.len() > before) {
        // What little there was is needed elsewhere.
        let _ = file.set_len(before);
    }
    made
}

fn fill(file: &File, before: u64, bytes: u64) -> io::Result<()> {
    // Also gives places to what a copy of the file has left out.
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => {}
        // Then the zeros alone have to do.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = vec![0; PIECE];
    let mut at = before;
    while at < bytes {
        let piece = usize::try_from(bytes - at).unwrap_or(PIECE).min(PIECE);
        file.write_all_at(zeros.get(..piece).unwrap_or_default(), at)?;
        at += u64::try_from(piece).unwrap_or(u64::MAX);
    }
    file.sync_all()
}

/// Whether every byte of a file of at least this length has its place, as far as the file system tells.
#[must_use]
pub fn is_reserved(found: &std::fs::Metadata, bytes: u64) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.len() >= bytes && found.blocks().saturating_mul(512) >= bytes
}
