//! One connection with several requests in flight (HTTP/1.1 pipelining, RFC 9112, section 9.3.2).

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::Interest;
use tokio::net::TcpStream;

use super::connection::{Reply, connect, hung_up};
use super::head::{Head, front};
use crate::error::{BenchError, Outcome};
use crate::progress;

/// A connection that sends requests before earlier ones are answered. Answers come in the order of the requests.
#[derive(Debug)]
pub(crate) struct Pipeline {
    stream: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
    /// How much of `received` was given to the caller.
    given: usize,
}

impl Pipeline {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = connect(address).await?;
        Ok(Self { stream, unsent: Vec::new(), received: Vec::with_capacity(64 * 1_024), given: 0 })
    }

    /// Puts a request in line. It is sent when the next answer is waited for, together with others in line.
    pub(crate) fn queue(&mut self, request: &[u8]) {
        self.unsent.extend_from_slice(request);
    }

    /// Waits for the next answer, and sends what is in line meanwhile: neither side can block the other.
    ///
    /// # Errors
    /// The connection failed, or the answer has no length.
    pub(crate) async fn reply(&mut self) -> Outcome<Reply<'_>> {
        let (from, head, whole) = loop {
            if let Some((head, whole)) = self.complete()? {
                let from = self.given;
                self.given += whole;
                break (from, head, whole);
            }
            self.received.drain(..self.given);
            self.given = 0;
            self.send()?;
            let interest =
                if self.unsent.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
            let ready = self.stream.ready(interest).await.map_err(BenchError::system("cannot receive"))?;
            if ready.is_readable() || ready.is_read_closed() {
                self.receive()?;
            }
        };
        progress::tick();
        let bytes = self.received.get(from..from + whole).unwrap_or_default();
        let (head_bytes, body) = bytes.split_at_checked(head.length).unwrap_or((bytes, &[]));
        Ok(Reply { status: head.status, head: head_bytes, body })
    }

    /// The next answer's head and whole length, when all of it is there.
    fn complete(&self) -> Outcome<Option<(Head, usize)>> {
        let rest = self.received.get(self.given..).unwrap_or_default();
        let Some((_, whole)) = front(rest)? else { return Ok(None) };
        Ok(Head::read(rest)?.map(|head| (head, whole)))
    }

    fn send(&mut self) -> Outcome<()> {
        let mut sent = 0;
        while let Some(rest) = self.unsent.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.try_write(rest) {
                Ok(bytes) => sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(BenchError::system("cannot send")(error)),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }

    fn receive(&mut self) -> Outcome<()> {
        match self.stream.try_read_buf(&mut self.received) {
            Ok(0) => Err(hung_up()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(BenchError::system("cannot receive")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that reads until it has so many bytes, and then sends these pieces.
    async fn answering(wanted: usize, pieces: Vec<&'static [u8]>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.read_exact(&mut vec![0; wanted]).await.expect("requests");
            for piece in pieces {
                stream.write_all(piece).await.expect("sent");
                tokio::task::yield_now().await;
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_come_in_order_however_they_are_cut() {
        let pieces: Vec<&[u8]> = vec![
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 201 Cre",
            b"ated\r\ncontent-length: 3\r\n\r\ntw",
            b"oHTTP/1.1 204 No Content\r\n\r\n",
        ];
        let mut pipeline = Pipeline::open(answering(6, pieces).await).await.expect("open");
        for request in [b"aa", b"bb", b"cc"] {
            pipeline.queue(request);
        }
        for (status, body) in [(200, "one"), (201, "two"), (204, "")] {
            let reply = pipeline.reply().await.expect("an answer");
            assert_eq!((reply.status, reply.body), (status, body.as_bytes()));
        }
        assert!(pipeline.reply().await.is_err(), "the server hung up");
    }

    #[tokio::test]
    async fn a_server_that_answers_before_it_reads_on_blocks_nobody() {
        // Far more than the kernel's buffers hold in one direction.
        let size = 32 * 1_024 * 1_024;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut pipeline = Pipeline::open(listener.local_addr().expect("an address")).await.expect("open");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let body = vec![b'x'; size];
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("sent");
            stream.write_all(&body).await.expect("sent");
            stream.read_exact(&mut vec![0; size]).await.expect("all of it");
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("sent");
        });
        pipeline.queue(&vec![b'y'; size]);
        assert_eq!(pipeline.reply().await.expect("an answer").body.len(), size);
        assert_eq!(pipeline.reply().await.expect("an answer").status, 204);
    }

    #[tokio::test]
    async fn an_answer_in_chunks_is_refused() {
        let pieces: Vec<&[u8]> = vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"];
        let mut pipeline = Pipeline::open(answering(1, pieces).await).await.expect("open");
        pipeline.queue(b"a");
        assert!(matches!(pipeline.reply().await, Err(BenchError::Protocol(_))));
    }
}
