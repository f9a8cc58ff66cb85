//! Streams of the server (server-sent events), followed across everything that breaks them.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::ClientError;
use crate::http::Client;

/// How long one connection lasts at most. A peer that vanished without a word is noticed by then; going on elsewhere loses
/// nothing.
const LONGEST: Duration = Duration::from_mins(5);
/// A line that is longer is none of Flightdeck's.
const LONGEST_LINE: u64 = 16 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// What it is about.
    pub kind: String,
    /// Its place in the stream, if it has one.
    pub id: Option<u64>,
    /// What it says.
    pub data: Value,
}

/// What a follower hears.
#[derive(Debug)]
pub enum Heard {
    /// Something happened.
    Event(Event),
    /// The connection is gone; the follower tries again when it is asked next.
    Lost,
    /// It is there again, and nothing was missed.
    Back,
    /// There will be nothing more.
    Ended,
}

/// A cursor over a stream of the server.
pub struct Follower {
    client: Client,
    path: String,
    /// The place of the last whole event.
    cursor: u64,
    lines: Option<BufReader<ureq::BodyReader<'static>>>,
    was_lost: bool,
    pause: Duration,
}

impl Follower {
    /// Begins behind a place. `path` may have a query, but none about the place.
    ///
    /// # Errors
    /// The stream cannot be opened.
    pub fn open(client: &Client, path: &str, after: u64) -> Result<Self, ClientError> {
        let mut follower = Self {
            client: client.clone(),
            path: path.to_owned(),
            cursor: after,
            lines: None,
            was_lost: false,
            pause: FIRST_PAUSE,
        };
        follower.connect()?;
        Ok(follower)
    }

    /// Whether there is a stream; an answer without content says that there will be nothing more.
    fn connect(&mut self) -> Result<bool, ClientError> {
        let cursor = self.cursor.to_string();
        let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", cursor.as_str())];
        let response = self.client.open(&self.path, &headers, LONGEST)?;
        if response.status().as_u16() == 204 {
            return Ok(false);
        }
        self.lines = Some(BufReader::new(response.into_body().into_reader()));
        Ok(true)
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// The server answers, and refuses: the key is no longer good, or the session is gone.
    pub fn hear(&mut self) -> Result<Heard, ClientError> {
        let Some(lines) = &mut self.lines else { return self.come_back() };
        let Some(event) = read_event(lines) else {
            self.lines = None;
            self.was_lost = true;
            return Ok(Heard::Lost);
        };
        self.pause = FIRST_PAUSE;
        self.cursor = event.id.unwrap_or(self.cursor);
        Ok(if event.kind == "end" { Heard::Ended } else { Heard::Event(event) })
    }

    /// What an event says, as what it is to be.
    ///
    /// # Errors
    /// It is something else.
    pub fn read<T: DeserializeOwned>(&self, event: Event) -> Result<T, ClientError> {
        let base = || self.client.base().to_owned();
        serde_json::from_value(event.data)
            .map_err(|error| ClientError::NotFlightdeck { base: base(), source: error.into() })
    }

    fn come_back(&mut self) -> Result<Heard, ClientError> {
        if !self.was_lost {
            return Ok(Heard::Ended);
        }
        std::thread::sleep(self.pause);
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        match self.connect() {
            Ok(true) => Ok(Heard::Back),
            Ok(false) => Ok(Heard::Ended),
            Err(error) if error.may_pass() => Ok(Heard::Lost),
            Err(error) => Err(error),
        }
    }
}

/// The next whole event; `None` when the stream is cut. What was read of an event that did not come whole does not count.
fn read_event(lines: &mut impl BufRead) -> Option<Event> {
    let mut event = Event::default();
    loop {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut *lines, LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
        if read == 0 || line.pop() != Some(b'\n') {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        match line.split_once(": ") {
            Some(("event", kind)) => kind.clone_into(&mut event.kind),
            Some(("id", id)) => event.id = id.parse().ok(),
            Some(("data", data)) => event.data = serde_json::from_str(data).ok()?,
            _ if line.is_empty() && !event.kind.is_empty() => return Some(event),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Vec<Event> {
        let mut lines = text.as_bytes();
        std::iter::from_fn(|| read_event(&mut lines)).collect()
    }

    #[test]
    fn events_are_read_whole_or_not_at_all() {
        let whole =
            "retry: 1500\n\n: keep-alive\n\nevent: message\nid: 7\ndata: {\"a\":\"b: c\"}\n\nevent: end\ndata: {}\n\n";
        let message = Event { kind: "message".to_owned(), id: Some(7), data: json!({"a": "b: c"}) };
        let end = Event { kind: "end".to_owned(), id: None, data: json!({}) };
        assert_eq!(read(whole), [message.clone(), end]);
        let second = whole.find("event: end").expect("it is there");
        for cut in second..whole.len() {
            assert_eq!(read(&whole[..cut]), std::slice::from_ref(&message), "cut at {cut}");
        }
    }
}
