//! One connection that asks and is answered, again and again.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::chunked::Chunks;
use super::head::{Body, Head, header};
use crate::error::{BenchError, Outcome};
use crate::number::{count, length};
use crate::progress;

/// A connection that is kept. One request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// A chunked body, put together.
    joined: Vec<u8>,
}

/// An answer, in the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(super) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// A header's value as text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(header(self.head, name)?).ok()
    }

    /// The reply, when it has one of these statuses.
    ///
    /// # Errors
    /// It has another; the text names `call`.
    pub(crate) fn expect(self, statuses: &[u16], call: &str) -> Outcome<Self> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(self.body).chars().take(500).collect();
        Err(BenchError::Refused { call: call.to_owned(), status: self.status, body })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Outcome<serde_json::Value> {
        serde_json::from_slice(self.body).map_err(|error| BenchError::Protocol(format!("a body is not JSON: {error}")))
    }
}

/// Opens a socket that sends at once.
pub(super) async fn connect(address: SocketAddr) -> Outcome<TcpStream> {
    let stream =
        TcpStream::connect(address).await.map_err(BenchError::system(format!("cannot connect to {address}")))?;
    stream.set_nodelay(true).map_err(BenchError::system("cannot set TCP_NODELAY"))?;
    Ok(stream)
}

/// The server hung up.
pub(super) fn hung_up() -> BenchError {
    BenchError::Protocol("the server closed the connection in the middle of an answer".to_owned())
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = connect(address).await?;
        Ok(Self { stream, received: Vec::with_capacity(4_096), joined: Vec::new() })
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<Reply<'_>> {
        self.stream.write_all(request).await.map_err(BenchError::system("cannot send"))?;
        self.received.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(head) = Head::read(&self.received)? {
                break head;
            }
        };
        let whole = match head.body {
            Body::Length(body) => {
                let whole = head.length + length(body);
                while self.received.len() < whole {
                    self.read_more().await?;
                }
                whole
            }
            Body::Chunked => self.join(head.length).await?,
        };
        if self.received.len() > whole {
            let extra = self.received.len() - whole;
            return Err(BenchError::Protocol(format!("{extra} bytes stand behind an answer that nobody asked for")));
        }
        progress::tick();
        let (head_bytes, body) = self.received.split_at_checked(head.length).unwrap_or((&self.received, &[]));
        let body = if head.body == Body::Chunked { &self.joined } else { body };
        Ok(Reply { status: head.status, head: head_bytes, body })
    }

    /// Puts a chunked body together; gives where it ends.
    async fn join(&mut self, from: usize) -> Outcome<usize> {
        self.joined.clear();
        let (mut chunks, mut seen) = (Chunks::default(), from);
        loop {
            let mut input = self.received.get(seen..).unwrap_or_default();
            while let Some(piece) = chunks.next(&mut input)? {
                self.joined.extend_from_slice(piece);
                if chunks.ended() {
                    break;
                }
            }
            seen = self.received.len() - input.len();
            if chunks.ended() {
                return Ok(seen);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Outcome<()> {
        let read = self.stream.read_buf(&mut self.received).await.map_err(BenchError::system("cannot receive"))?;
        if count(read) == 0 { Err(hung_up()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A server that reads one request and sends these bytes, piece by piece, and then the same for the next connection.
    async fn answering(pieces: Vec<&'static [u8]>) -> SocketAddr {
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
        });
        address
    }

    async fn exchange(pieces: Vec<&'static [u8]>) -> Outcome<(u16, Vec<u8>)> {
        let mut connection = Connection::open(answering(pieces).await).await?;
        let reply = connection.exchange(b"GET / HTTP/1.1\r\n\r\n").await?;
        Ok((reply.status, reply.body.to_vec()))
    }

    #[tokio::test]
    async fn an_answer_is_read_whole() {
        let plain: Vec<&[u8]> = vec![b"HTTP/1.1 200 OK\r\ncontent-", b"length: 5\r\n\r\nhe", b"llo"];
        assert_eq!(exchange(plain).await.expect("an answer"), (200, b"hello".to_vec()));
        let chunked: Vec<&[u8]> =
            vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n", b"3\r\nllo\r\n0\r", b"\n\r\n"];
        assert_eq!(exchange(chunked).await.expect("an answer"), (200, b"hello".to_vec()));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error() {
        for broken in [&b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"[..], b"HTTP/1.1 200", b""] {
            assert!(exchange(vec![broken]).await.is_err(), "{broken:?}");
        }
    }

    #[tokio::test]
    async fn more_than_was_announced_is_an_error() {
        let error = exchange(vec![b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"]).await.expect_err("too much");
        assert!(error.to_string().contains("1 bytes stand behind"), "{error}");
    }

    #[tokio::test]
    async fn another_status_is_refused_with_its_body() {
        let pieces: Vec<&[u8]> = vec![b"HTTP/1.1 409 Conflict\r\ncontent-length: 5\r\n\r\nended"];
        let mut connection = Connection::open(answering(pieces).await).await.expect("open");
        let reply = connection.exchange(b"x").await.expect("an answer");
        let error = reply.expect(&[200, 201], "an append").expect_err("refused");
        assert_eq!(error.to_string(), "an append was answered with 409: ended");
    }
}
