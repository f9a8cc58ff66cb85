//! Followers: each must receive every message once, those of each writer in order, whatever the protocol around them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::dialect::Dialect;
use super::wire::connect;
use crate::check::{Dense, Violation};
use crate::content::{Content, Tag};
use crate::error::{BenchError, Outcome};
use crate::number::length;
use crate::progress;
use crate::stats::Samples;

/// When each message was sent, by writer, and what came of it.
#[derive(Debug)]
pub(super) struct Sent {
    times: RefCell<Vec<Vec<Instant>>>,
    /// From publish to receive.
    pub(super) delays: RefCell<Samples>,
    pub(super) events: Cell<u64>,
    pub(super) last: Cell<Option<Instant>>,
    /// Whether delays are wanted.
    timed: bool,
}

impl Sent {
    pub(super) fn new(writers: u32, timed: bool) -> Rc<Self> {
        let by_writer = RefCell::new(vec![Vec::new(); length(writers.into())]);
        Rc::new(Self {
            times: by_writer,
            delays: RefCell::default(),
            events: Cell::new(0),
            last: Cell::new(None),
            timed,
        })
    }

    pub(super) fn note(&self, writer: u32, at: Instant) {
        if let Some(times) = self.times.borrow_mut().get_mut(length(writer.into())) {
            times.push(at);
        }
    }
}

/// One who follows.
pub(super) struct Reader {
    stream: TcpStream,
    dialect: Dialect,
    number: u32,
    /// What came and was not searched through yet.
    received: Vec<u8>,
    /// Everything since it spoke last, where the protocol asks for it.
    unanswered: Vec<u8>,
    seen: Vec<Dense>,
    missing: u64,
}

const NAME: &[u8] = b"\"content\":\"";

impl Reader {
    /// Connects, and waits until the stream has begun as far as the server tells. `messages` are published by so many writers.
    pub(super) async fn open(dialect: &Dialect, number: u32, writers: u32, messages: u64) -> Outcome<Self> {
        let mut stream = connect(dialect).await?;
        stream.write_all(&dialect.follow(number)).await.map_err(BenchError::system("cannot send"))?;
        let mut received = Vec::with_capacity(1_024);
        while !dialect.begun(&received) {
            let read = stream.read_buf(&mut received).await.map_err(BenchError::system("cannot receive"))?;
            if read == 0 {
                let said = String::from_utf8_lossy(&received).into_owned();
                return Err(BenchError::Protocol(format!("a follower was turned away: {said}")));
            }
        }
        progress::tick();
        // Counted from one: a tag of zero is the first.
        let seen = vec![Dense::after(0); length(writers.into())];
        let (dialect, unanswered) = (dialect.clone(), Vec::new());
        Ok(Self { stream, dialect, number, received, unanswered, seen, missing: messages })
    }

    /// Reads until everything that is published has come.
    ///
    /// # Errors
    /// A message is missing, came twice, behind a later one of its writer, or cut.
    pub(super) async fn follow(mut self, sent: Rc<Sent>, content: Content) -> Outcome<()> {
        let conversing = matches!(self.dialect, Dialect::Redis(_) | Dialect::Nats(_));
        let mut buffer = vec![0; 64 * 1_024];
        while self.missing > 0 {
            let read = self.stream.read(&mut buffer).await.map_err(BenchError::system("cannot receive"))?;
            let at = Instant::now();
            if read == 0 {
                return Err(BenchError::Protocol("a follower's stream ended too early".to_owned()));
            }
            progress::tick();
            let came = buffer.get(..read).unwrap_or_default();
            self.received.extend_from_slice(came);
            self.search(at, &sent, &content)?;
            if conversing && self.missing > 0 {
                self.unanswered.extend_from_slice(came);
                if let Some(next) = self.dialect.next(&self.unanswered)? {
                    self.unanswered.clear();
                    self.stream.write_all(&next).await.map_err(BenchError::system("cannot send"))?;
                }
                // A server that only asks whether anybody is there does so rarely: nothing else must pile up.
                if matches!(self.dialect, Dialect::Nats(_)) {
                    self.unanswered.clear();
                }
            }
        }
        Ok(())
    }

    /// Takes every text that is whole.
    fn search(&mut self, at: Instant, sent: &Sent, content: &Content) -> Outcome<()> {
        let size = content.escaped().len();
        let received = std::mem::take(&mut self.received);
        let mut rest = received.as_slice();
        while let Some(begin) = memmem::find(rest, NAME) {
            let Some(text) = rest.get(begin + NAME.len()..begin + NAME.len() + size) else { break };
            let tag = Tag::at_both_ends(text).ok_or_else(|| self.wrong("a text came cut or mixed".to_owned()))?;
            rest = rest.get(begin + NAME.len() + size..).unwrap_or_default();
            self.take(tag, at, sent)?;
        }
        // A name that is cut must be found when the rest of it has come.
        let keep = if memmem::find(rest, NAME).is_some() { rest.len() } else { rest.len().min(NAME.len() - 1) };
        self.received = rest.get(rest.len() - keep..).unwrap_or_default().to_vec();
        Ok(())
    }

    fn take(&mut self, tag: Tag, at: Instant, sent: &Sent) -> Outcome<()> {
        let number = self.number;
        let who = || format!("follower {number}, messages of writer {}", tag.session);
        let unknown = self.wrong(format!("a message of writer {} came", tag.session));
        let writer = length(tag.session.into());
        self.seen.get_mut(writer).ok_or(unknown)?.take(u64::from(tag.message) + 1, who)?;
        let times = sent.times.borrow();
        let published = times.get(writer).and_then(|times| times.get(length(tag.message.into())));
        let published = published.ok_or_else(|| self.wrong("a message came before it was sent".to_owned()))?;
        if sent.timed {
            sent.delays.borrow_mut().add(at - *published);
        }
        sent.events.set(sent.events.get() + 1);
        sent.last.set(Some(at));
        self.missing -= 1;
        Ok(())
    }

    fn wrong(&self, what: String) -> BenchError {
        Violation::Wrong { who: format!("follower {}", self.number), what }.into()
    }
}
