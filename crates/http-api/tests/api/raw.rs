//! A connection on which anything can be sent.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::server::TestServer;

/// A connection to a server.
pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    pub(crate) fn open(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("sent");
    }

    /// Sends a chunk of a body, as far as the server still takes it.
    pub(crate) fn chunk(&mut self, text: &str) -> bool {
        write!(self.0.get_mut(), "{:x}\r\n{text}\r\n", text.len()).is_ok()
    }

    /// Whether there is no answer so far, nor within the time that one takes.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.0.get_ref().set_read_timeout(Some(Duration::from_millis(300))).expect("set");
        let silent = self.0.fill_buf().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.0.get_ref().set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        silent
    }

    /// Says that nothing follows; answers are still read.
    pub(crate) fn half_close(&self) {
        self.0.get_ref().shutdown(Shutdown::Write).expect("closed");
    }

    /// Reads until this text has come; gives all that was read.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            assert_ne!(self.0.read_line(&mut read).expect("a line"), 0, "the end, before {text:?}: {read}");
        }
        read
    }

    /// All that comes until the connection ends.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).expect("a clean end");
        rest
    }

    /// The status of the next answer.
    pub(crate) fn status(&mut self) -> u16 {
        self.answer().0
    }

    /// The next answer: its status and its JSON.
    pub(crate) fn answer(&mut self) -> (u16, Value) {
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            headers.push(line);
        }
        let status = headers.first().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let length = headers.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).expect("all of it");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}
