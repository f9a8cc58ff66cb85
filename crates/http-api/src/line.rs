//! A connection whose socket an answer may take for itself.
//!
//! The HTTP library keeps two buffers of 8 KiB for each connection and copies each chunk into one of them. A stream that is
//! quiet for hours needs neither. So it takes the socket once its head is sent, and the library finds the connection ended.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::head::is_head;

#[derive(Debug)]
struct Shared {
    socket: RefCell<Option<TcpStream>>,
    /// The last write was not taken whole: the library still has bytes to send.
    stuck: Cell<bool>,
}

/// What the HTTP library reads from and writes to. Once the socket is taken it reads as ended, and what is written to it is
/// dropped.
pub(crate) struct Connection(Rc<Shared>);

/// The socket of a connection, as an answer on this connection sees it.
#[derive(Clone, Debug)]
pub(crate) struct Line(Rc<Shared>);

impl Connection {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self(Rc::new(Shared { socket: RefCell::new(Some(socket)), stuck: Cell::new(false) }))
    }

    pub(crate) fn line(&self) -> Line {
        Line(Rc::clone(&self.0))
    }

    fn with<T>(&self, taken: T, work: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        match &mut *self.0.socket.borrow_mut() {
            Some(socket) => work(Pin::new(socket)),
            None => taken,
        }
    }
}

impl Line {
    /// The line of a request whose answer may take it: a content is asked for, and by HTTP/1.1, which tells the end of
    /// the content without the end of the connection (RFC 9112, section 7.1).
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let may = request.version() == Version::HTTP_11 && !is_head(request);
        request.conn_data::<Self>().filter(|_| may).cloned()
    }

    /// Whether it is taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.socket.borrow().is_none()
    }

    /// Takes the socket. `None` when it is taken already, or when it does not take what the library has to send.
    pub(crate) fn take(&self) -> Option<TcpStream> {
        if self.0.stuck.get() { None } else { self.0.socket.borrow_mut().take() }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |socket| socket.poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.with(Poll::Ready(Ok(bytes.len())), |socket| socket.poll_write(cx, bytes));
        let whole = matches!(&written, Poll::Ready(Ok(count)) if *count == bytes.len());
        self.0.stuck.set(!whole);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |socket| socket.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |socket| socket.poll_shutdown(cx))
    }
}
