//! Followers of conversations, each of which checks every event that it gets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::publish::Topic;
use crate::check::{Dense, Violation};
use crate::content::{Content, Tag};
use crate::error::{BenchError, Outcome};
use crate::http::{Flow, Follower, Site};
use crate::number::length;
use crate::stats::Samples;

/// How many connect at the same time: a server's backlog is finite.
const CONNECTING: usize = 200;

/// Of so many events, one has its text compared byte by byte. All have their seq checked.
const SAMPLE: u64 = 8;

/// What all followers write down together.
#[derive(Debug)]
pub(super) struct Notes {
    content: Content,
    /// From publish to receive, of messages that are measured.
    pub(super) delays: RefCell<Samples>,
    /// Whether delays are wanted: at saturation they would tell of the queue only.
    delays_wanted: bool,
    /// Messages of each session before this one are not measured.
    warmup: u64,
    pub(super) frames: Cell<u64>,
    pub(super) bytes: Cell<u64>,
    /// When the last event came.
    pub(super) last: Cell<Option<Instant>>,
}

impl Notes {
    pub(super) fn new(content: Content, delays: Option<u64>) -> Self {
        Self {
            content,
            delays: RefCell::default(),
            delays_wanted: delays.is_some(),
            warmup: delays.unwrap_or(0),
            frames: Cell::new(0),
            bytes: Cell::new(0),
            last: Cell::new(None),
        }
    }
}

/// One follower: which of the topics it follows, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) number: u32,
    pub(super) topic: usize,
    /// How many messages will be published.
    pub(super) messages: u64,
}

/// A follower with what it has been told.
#[derive(Debug)]
pub(super) struct Seated {
    seat: Seat,
    follower: Follower,
    seqs: Dense,
    base: u64,
}

/// Opens all followers at the end of their sessions, spread evenly over the topics.
///
/// # Errors
/// One of them got no stream.
pub(super) async fn open(site: &Site, topics: &Rc<Vec<Topic>>, followers: u32, messages: u64) -> Outcome<Vec<Seated>> {
    let connecting = Rc::new(Semaphore::new(CONNECTING));
    let mut opening = JoinSet::new();
    for number in 0..followers {
        let (site, connecting, topics) = (site.clone(), Rc::clone(&connecting), Rc::clone(topics));
        opening.spawn_local(async move {
            let topic = length(number.into()) % topics.len().max(1);
            let seat = Seat { number, topic, messages };
            let nobody = || BenchError::Usage("there is no session to follow".to_owned());
            let member = &topics.get(topic).ok_or_else(nobody)?.member;
            let base = member.ledger.borrow().last();
            let request = site.follow(&format!("/agents/{}/messages/stream?after={base}", member.id));
            // A semaphore that is never closed always lets pass in the end.
            let _turn = connecting.acquire().await;
            let follower = Follower::open(site.address, &request).await?;
            Ok::<_, BenchError>(Seated { seat, follower, seqs: Dense::after(base), base })
        });
    }
    let mut seated = Vec::new();
    while let Some(opened) = opening.join_next().await {
        seated.push(opened.map_err(|error| BenchError::task(&error))??);
    }
    Ok(seated)
}

/// Reads until the last message that will be published.
///
/// # Errors
/// An event came twice, in the wrong order, never, with another text, or before it was sent.
pub(super) async fn follow(seated: Seated, topics: Rc<Vec<Topic>>, notes: Rc<Notes>) -> Outcome<()> {
    let Seated { seat, mut follower, mut seqs, base } = seated;
    let nobody = || BenchError::Usage("there is no session to follow".to_owned());
    let topic = topics.get(seat.topic).ok_or_else(nobody)?;
    let session = u32::try_from(seat.topic).unwrap_or(u32::MAX);
    let who = || format!("follower {} of session {session}", seat.number);
    follower
        .read(|frame, at| {
            if frame.event != b"message" {
                let what = format!("an event {:?} came", String::from_utf8_lossy(frame.event));
                return Err(Violation::Wrong { who: who(), what }.into());
            }
            let nameless = || Violation::Wrong { who: who(), what: "a message came without a seq".to_owned() };
            let seq = frame.id.ok_or_else(nameless)?;
            seqs.take(seq, who)?;
            let message = seq - base - 1;
            let sent = topic.sent.borrow().get(length(message)).copied();
            let early = || Violation::Wrong { who: who(), what: format!("{seq} came before it was sent") };
            let sent = sent.ok_or_else(early)?;
            if (seq + u64::from(seat.number)).is_multiple_of(SAMPLE) {
                let tag = Tag { session, message: u32::try_from(message).unwrap_or(u32::MAX) };
                if notes.content.tag_in(frame.data) != Some(tag) {
                    return Err(Violation::Content { who: who(), place: seq }.into());
                }
            }
            notes.frames.set(notes.frames.get() + 1);
            notes.bytes.set(notes.bytes.get() + crate::number::count(frame.data.len()));
            notes.last.set(Some(at));
            if notes.delays_wanted && message >= notes.warmup {
                notes.delays.borrow_mut().add(at - sent);
            }
            Ok(if message + 1 == seat.messages { Flow::Enough } else { Flow::More })
        })
        .await
}
