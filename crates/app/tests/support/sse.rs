//! Streams, read raw: a plain socket, as little between the test and the wire as can be.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One event.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    /// The id as it came, to go on behind it.
    pub(crate) cursor: String,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("the data is JSON")
    }
}

/// How long the next event may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream, or the refusal of one.
pub(crate) struct Stream {
    pub(crate) status: u16,
    patience: Duration,
    lines: BufReader<Chunked>,
}

impl Stream {
    /// # Errors
    /// The server is not there, or went away before it answered.
    pub(crate) fn open(address: SocketAddr, key: &str, path: &str, last: Option<u64>) -> io::Result<Self> {
        Self::resume(address, key, path, last.map(|id| id.to_string()).as_deref())
    }

    /// Goes on behind the event with an id, as it came.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub(crate) fn resume(address: SocketAddr, key: &str, path: &str, last: Option<&str>) -> io::Result<Self> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let resume = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n{resume}\r\n")?;
        let mut reader = BufReader::new(socket);
        let first = line(&mut reader)?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, first))?;
        while !line(&mut reader)?.is_empty() {}
        Ok(Self { status, patience: PATIENCE, lines: BufReader::new(Chunked { reader, left: 0, ended: false }) })
    }

    /// Waits so long for the next event instead.
    pub(crate) fn be_patient_for(&mut self, patience: Duration) {
        self.patience = patience;
        self.lines.get_ref().reader.get_ref().set_read_timeout(Some(patience)).expect("a time");
    }

    /// The next event, or nothing when the server closed the stream as HTTP wants it.
    ///
    /// # Errors
    /// The connection broke off in the middle, or no event came for too long, whatever comments came.
    pub(crate) fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let began = Instant::now();
        loop {
            if began.elapsed() > self.patience {
                return Err(ErrorKind::TimedOut.into());
            }
            let mut text = String::new();
            if self.lines.read_line(&mut text)? == 0 {
                return Ok(None);
            }
            match text.trim_end_matches('\n').split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut event.name),
                // The feed says the epoch before the place.
                Some(("id", id)) => {
                    id.clone_into(&mut event.cursor);
                    event.id = Some(id.rsplit('-').next().and_then(|place| place.parse().ok()).expect("a place"));
                }
                Some(("data", data)) => event.data.push_str(data),
                None if text == "\n" && !event.data.is_empty() => return Ok(Some(event)),
                // retry and comments
                _ => {}
            }
        }
    }

    /// The next event of a stream that must go on.
    pub(crate) fn expect(&mut self) -> Event {
        self.next().expect("the stream is whole").expect("the stream goes on")
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    if reader.read_line(&mut text)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end().to_owned())
}

/// The bytes inside HTTP's chunks.
struct Chunked {
    reader: BufReader<TcpStream>,
    left: usize,
    ended: bool,
}

impl Read for Chunked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            let size = line(&mut self.reader)?;
            self.left =
                usize::from_str_radix(&size, 16).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            self.ended = self.left == 0;
        }
        if self.ended {
            return Ok(0);
        }
        let room = buffer.len().min(self.left);
        let read = self.reader.read(&mut buffer[..room])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= read;
        if self.left == 0 {
            line(&mut self.reader)?;
        }
        Ok(read)
    }
}
