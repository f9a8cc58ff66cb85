//! A connection on which anything can be sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
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
