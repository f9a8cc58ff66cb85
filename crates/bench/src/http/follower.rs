//! One connection that follows a stream of events.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::chunked::Chunks;
use super::connection::{connect, hung_up};
use super::head::{Body, Head};
use crate::error::{BenchError, Outcome};
use crate::progress;
use crate::sse::{Frame, Frames};

/// How much is read at once. Small enough to stay in the processor's cache, large enough for some hundred events.
const READ_AT_ONCE: usize = 128 * 1_024;

thread_local! {
    /// What was read last, of whichever follower: ten thousand quiet ones must not have ten thousand buffers.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_AT_ONCE]);
}

/// Whether a follower wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    More,
    Enough,
}

/// A stream of events that was opened.
#[derive(Debug)]
pub(crate) struct Follower {
    stream: TcpStream,
    chunks: Chunks,
    frames: Frames,
    /// What came with the head.
    early: Vec<u8>,
}

impl Follower {
    /// Connects and waits until the stream has begun.
    ///
    /// # Errors
    /// The answer is not 200, or no stream.
    pub(crate) async fn open(address: SocketAddr, request: &[u8]) -> Outcome<Self> {
        let mut stream = connect(address).await?;
        stream.write_all(request).await.map_err(BenchError::system("cannot send"))?;
        let mut received = Vec::with_capacity(1_024);
        let head = loop {
            let read = stream.read_buf(&mut received).await.map_err(BenchError::system("cannot receive"))?;
            match Head::read(&received)? {
                Some(head) => break head,
                None if read == 0 => return Err(hung_up()),
                None => {}
            }
        };
        progress::tick();
        let early = received.split_off(head.length.min(received.len()));
        if head.status != 200 || head.body != Body::Chunked {
            let body = String::from_utf8_lossy(&early).chars().take(500).collect();
            return Err(BenchError::Refused { call: "following a stream".to_owned(), status: head.status, body });
        }
        Ok(Self { stream, chunks: Chunks::default(), frames: Frames::default(), early })
    }

    /// Gives each event with the moment at which it was read, until `take` has enough. Events that came in the same read as
    /// the last one are given too. Dropping the future between two events loses nothing.
    ///
    /// # Errors
    /// What `take` says, or that the stream ended.
    pub(crate) async fn read(&mut self, mut take: impl FnMut(Frame<'_>, Instant) -> Outcome<Flow>) -> Outcome<()> {
        let early = std::mem::take(&mut self.early);
        let mut flow = self.digest(&early, &mut take)?;
        while flow == Flow::More {
            if self.chunks.ended() {
                return Err(BenchError::Protocol("a stream ended that should have gone on".to_owned()));
            }
            flow = poll_fn(|context| {
                READ.with_borrow_mut(|buffer| {
                    let mut buffer = ReadBuf::new(buffer);
                    let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
                    read.map_err(BenchError::system("cannot receive"))?;
                    if buffer.filled().is_empty() {
                        return Poll::Ready(Err(hung_up()));
                    }
                    Poll::Ready(self.digest(buffer.filled(), &mut take))
                })
            })
            .await?;
        }
        Ok(())
    }

    fn digest(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(Frame<'_>, Instant) -> Outcome<Flow>,
    ) -> Outcome<Flow> {
        let at = Instant::now();
        let mut flow = Flow::More;
        progress::tick();
        while let Some(piece) = self.chunks.next(&mut bytes)? {
            let mut pass = |frame: Frame<'_>| {
                if take(frame, at)? == Flow::Enough {
                    flow = Flow::Enough;
                }
                Ok(())
            };
            self.frames.read(piece, &mut pass)?;
        }
        Ok(flow)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::progress::watched;

    async fn streaming(pieces: Vec<&'static [u8]>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 64];
            let _ = stream.read(&mut request).await.expect("a request");
            for piece in pieces {
                stream.write_all(piece).await.expect("sent");
                tokio::task::yield_now().await;
            }
            let _ = stream.read(&mut request).await;
        });
        address
    }

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nd\r\nretry: 1000\n\n\r\n";

    #[tokio::test]
    async fn events_come_in_order_until_enough() {
        let pieces: Vec<&[u8]> =
            vec![HEAD, b"11\r\nid: 1\ndata: one\n\n\r\n8\r\nid: 2\nda\r\n", b"8\r\nta: two\n\r\n1\r\n\n\r\n"];
        let mut follower = Follower::open(streaming(pieces).await, b"x").await.expect("a stream");
        let mut seen = Vec::new();
        let take = |frame: Frame<'_>, _| {
            seen.push((frame.id, frame.data.to_vec()));
            Ok(if frame.id == Some(2) { Flow::Enough } else { Flow::More })
        };
        watched(Duration::from_mins(1), follower.read(take)).await.expect("read");
        assert_eq!(seen, [(Some(1), b"one".to_vec()), (Some(2), b"two".to_vec())]);
    }

    #[tokio::test]
    async fn a_stream_that_ends_too_early_is_an_error() {
        let pieces: Vec<&[u8]> = vec![HEAD, b"0\r\n\r\n"];
        let mut follower = Follower::open(streaming(pieces).await, b"x").await.expect("a stream");
        let reading = watched(Duration::from_mins(1), follower.read(|_, _| Ok(Flow::More)));
        let error = reading.await.expect_err("ended");
        assert!(error.to_string().contains("ended that should have gone on"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_stream_is_refused() {
        let pieces: Vec<&[u8]> = vec![b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"];
        let error = Follower::open(streaming(pieces).await, b"x").await.expect_err("refused");
        assert!(matches!(error, BenchError::Refused { status: 404, .. }), "{error}");
    }
}
