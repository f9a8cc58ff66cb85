//! Those who read: they break off, and go on after the last place that they have seen, at any replica.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use flightdeck_domain::ids::SessionId;
use flightdeck_live::{ConversationFollower, FleetFeedLog, Follower, Next};

use crate::replica::Replica;

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Talk(SessionId),
    Feed,
}

enum Stream {
    Talk(Box<ConversationFollower>),
    Feed(Box<Follower<FleetFeedLog>>),
}

impl Stream {
    async fn next(&mut self) -> Option<Next> {
        match self {
            Self::Talk(stream) => stream.next().await.ok(),
            Self::Feed(stream) => stream.next().await.ok(),
        }
    }
}

pub(crate) struct Reader {
    pub(crate) what: What,
    /// Where it reads at the moment.
    pub(crate) at: Option<usize>,
    stream: Option<Stream>,
    /// Of a conversation, the ids of the messages; of the feed, nothing.
    pub(crate) seen: Vec<String>,
    /// The last place that it has seen.
    pub(crate) cursor: u64,
    /// Where it last went on. Of the messages before, it may have missed receipts while it was away.
    pub(crate) resumed: u64,
    /// What it was last told of the receipts of messages, by their seq.
    pub(crate) receipts: BTreeMap<u64, String>,
    pub(crate) ended: bool,
}

impl Reader {
    pub(crate) const fn new(what: What) -> Self {
        let seen = Vec::new();
        Self { what, at: None, stream: None, seen, cursor: 0, resumed: 0, receipts: BTreeMap::new(), ended: false }
    }

    /// Reads no more, for now.
    pub(crate) fn break_off(&mut self) {
        (self.at, self.stream) = (None, None);
    }

    /// Goes on at a replica, where the session is there.
    pub(crate) async fn resume(&mut self, me: usize, replica: &Replica) {
        self.break_off();
        self.stream = match self.what {
            What::Talk(session) => {
                let follower = replica.talks.follow(session, self.cursor).await.ok().flatten();
                follower.map(|follower| Stream::Talk(Box::new(follower)))
            }
            What::Feed => {
                let follower = replica.feed.follow((), self.cursor).await.ok().flatten();
                follower.map(|follower| Stream::Feed(Box::new(follower)))
            }
        };
        self.at = self.stream.is_some().then_some(me);
        self.resumed = self.cursor;
    }

    /// Reads what comes within so many turns, then stops waiting.
    pub(crate) async fn read(&mut self, turns: u32) -> Result<(), String> {
        while let Some(stream) = &mut self.stream {
            match for_turns(turns, stream.next()).await {
                Some(Some(Next::Frames(frames))) => frames.iter().try_for_each(|frame| self.take(frame))?,
                Some(Some(Next::Ended)) => {
                    self.ended = true;
                    self.break_off();
                }
                Some(None) => self.break_off(),
                None => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: &Bytes) -> Result<(), String> {
        let text = std::str::from_utf8(frame).expect("a text");
        let words: Vec<&str> = text.split(' ').collect();
        match (self.what, words.as_slice()) {
            (What::Feed, [position]) => self.comes(position.parse().expect("a place")),
            (What::Talk(_), ["message", seq, id, receipt]) => {
                let seq = seq.parse().expect("a seq");
                self.comes(seq)?;
                self.seen.push((*id).to_owned());
                self.receipts.insert(seq, (*receipt).to_owned());
                Ok(())
            }
            (What::Talk(_), ["receipt", seq, _, receipt]) => {
                let seq = seq.parse().expect("a seq");
                if seq > self.cursor {
                    return Err(format!("{:?} hears of the receipt of {seq} and has {}", self.what, self.cursor));
                }
                self.receipts.insert(seq, (*receipt).to_owned());
                Ok(())
            }
            _ => Err(format!("{:?} reads {text:?}", self.what)),
        }
    }

    fn comes(&mut self, place: u64) -> Result<(), String> {
        if self.ended || place != self.cursor + 1 {
            return Err(format!("{:?} reads {place} after {} (ended: {})", self.what, self.cursor, self.ended));
        }
        self.cursor = place;
        Ok(())
    }
}

/// What a future gives when it is polled at most so many times, with everybody else getting on in between.
pub(crate) async fn for_turns<F: Future>(turns: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..turns {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(done) = polled {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}
