//! The chunks of an answer, written to a socket without a copy (RFC 9112, section 7.1).

use std::io::{self, ErrorKind, IoSlice};
use std::iter;

use actix_web::rt::net::TcpStream;
use bytes::Bytes;

/// The most slices that one system call is given.
const SLICES: usize = 64;

/// The end of a chunk.
const CRLF: &[u8] = b"\r\n";

/// The last chunk, which has no data, and the end of the trailers.
const LAST: &[u8] = b"0\r\n\r\n";

/// The socket of an answer whose head is sent.
pub(super) struct Chunks(pub(super) TcpStream);

impl Chunks {
    /// Sends frames as one chunk.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) async fn send(&self, frames: &[Bytes]) -> io::Result<()> {
        let length: usize = frames.iter().map(Bytes::len).sum();
        if length == 0 {
            // An empty chunk is the last one.
            return Ok(());
        }
        let size = format!("{length:x}\r\n");
        self.write(size.as_bytes(), frames, CRLF).await
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    /// The connection is broken.
    pub(super) async fn finish(&self) -> io::Result<()> {
        self.write(LAST, &[], &[]).await
    }

    /// Waits until the connection is broken. What the peer sends is dropped: nothing can follow the request of a stream on its
    /// connection. A peer that has said all it has to say may go on reading.
    pub(super) async fn broken(&self) {
        let mut dropped = [0; 256];
        loop {
            let readable = std::future::poll_fn(|cx| self.0.poll_read_ready(cx)).await;
            match readable.and_then(|()| self.0.try_read(&mut dropped)) {
                Ok(0) => std::future::pending().await,
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(_) => return,
            }
        }
    }

    async fn write(&self, head: &[u8], frames: &[Bytes], end: &[u8]) -> io::Result<()> {
        let total = head.len() + frames.iter().map(Bytes::len).sum::<usize>() + end.len();
        let mut written = 0;
        while written < total {
            match self.write_some(parts(head, frames, end), written) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.0.writable().await?,
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_some<'p>(&self, parts: impl Iterator<Item = &'p [u8]>, mut skip: usize) -> io::Result<usize> {
        let rest = parts.filter_map(|part| {
            let passed = skip.min(part.len());
            skip -= passed;
            part.get(passed..).filter(|part| !part.is_empty())
        });
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut used = 0;
        for (slice, part) in slices.iter_mut().zip(rest) {
            *slice = IoSlice::new(part);
            used += 1;
        }
        self.0.try_write_vectored(slices.get(..used).unwrap_or_default())
    }
}

fn parts<'p>(head: &'p [u8], frames: &'p [Bytes], end: &'p [u8]) -> impl Iterator<Item = &'p [u8]> {
    iter::once(head).chain(frames.iter().map(Bytes::as_ref)).chain(iter::once(end))
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
