//! Entries of the fleet feed that retention removes while readers are behind them: each reader is told, and nobody else.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flightdeck_domain::feed::{FleetEvent, FleetEventKind};
use flightdeck_domain::ids::FeedPosition;
use flightdeck_domain::ports::MockFleetFeed;
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;
use flightdeck_live::{FleetFeedLog, Follower, Hints, Next, TailOptions, Tails};

/// A feed of bare positions.
#[derive(Clone, Default)]
struct Paper {
    positions: Arc<Mutex<Vec<u64>>>,
    head: Arc<Mutex<u64>>,
    hints: Arc<Hints>,
}

impl Paper {
    fn write(&self, positions: impl IntoIterator<Item = u64>) {
        for position in positions {
            self.positions.lock().expect("not poisoned").push(position);
            *self.head.lock().expect("not poisoned") = position;
        }
    }

    /// What [`flightdeck_domain::ports::FleetFeed::head`] gives stays.
    fn remove_through(&self, last: u64) {
        self.positions.lock().expect("not poisoned").retain(|position| *position > last);
    }

    fn feed(&self) -> MockFleetFeed {
        let mut feed = MockFleetFeed::new();
        let (head, positions) = (Arc::clone(&self.head), Arc::clone(&self.positions));
        feed.expect_head().returning(move || Ok(FeedPosition::new(*head.lock().expect("not poisoned"))));
        feed.expect_after().returning(move |after, limit| {
            let positions = positions.lock().expect("not poisoned");
            let wanted = positions.iter().filter(|position| **position > after.get()).take(limit);
            Ok(wanted.map(|position| event(*position)).collect())
        });
        feed
    }

    /// Keeps two entries in memory and reads four at once.
    fn tails(&self) -> Tails<FleetFeedLog> {
        let log = FleetFeedLog::new(
            Arc::new(self.feed()),
            Arc::clone(&self.hints),
            |event| Bytes::from(event.position.to_string()),
            |cut| Bytes::from(format!("removed {}..{}", cut.from, cut.goes_on)),
        );
        let poll = Duration::from_millis(5);
        let options = TailOptions { max_frames: 2, page: 4, poll, ..TailOptions::default() };
        Tails::new(log, options, tokio::runtime::Handle::current())
    }
}

fn event(position: u64) -> FleetEvent {
    FleetEvent {
        position: FeedPosition::new(position),
        kind: FleetEventKind::KillSwitch,
        session_id: None,
        at: Timestamp::from_micros(0).expect("a moment"),
        data: JsonObject::default(),
    }
}

async fn take(reader: &mut Follower<FleetFeedLog>, through: &str) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    while taken.last().is_none_or(|last| last != through) {
        let next = tokio::time::timeout(Duration::from_secs(20), reader.next()).await.expect("in time").expect("read");
        let Next::Frames(frames) = next else { break };
        taken.extend(frames.iter().map(|frame| String::from_utf8_lossy(frame).into_owned()));
    }
    taken
}

#[tokio::test]
async fn an_open_stream_that_is_behind_is_told_what_was_removed() {
    let paper = Paper::default();
    paper.write(1..=20);
    let tails = paper.tails();
    let mut slow = tails.follow((), 0).await.expect("read").expect("a feed");
    assert_eq!(take(&mut slow, "4").await, ["1", "2", "3", "4"]);
    paper.remove_through(15);
    assert_eq!(take(&mut slow, "20").await, ["removed 4..15", "16", "17", "18", "19", "20"]);

    // Who is at the end misses nothing, whatever is removed behind them.
    paper.remove_through(20);
    paper.write([21]);
    paper.hints.everything();
    assert_eq!(take(&mut slow, "21").await, ["21"]);
}

#[tokio::test]
async fn a_reader_goes_on_at_the_end_of_a_feed_of_which_nothing_is_left() {
    let paper = Paper::default();
    paper.write(1..=20);
    paper.remove_through(20);
    let tails = paper.tails();
    let mut reader = tails.follow((), 7).await.expect("read").expect("a feed");
    assert_eq!(take(&mut reader, "removed 7..20").await, ["removed 7..20"]);
    paper.write([21]);
    paper.hints.everything();
    assert_eq!(take(&mut reader, "21").await, ["21"]);
}

#[tokio::test]
async fn places_that_were_never_given_out_are_not_removed() {
    let paper = Paper::default();
    paper.write([1, 2, 9, 17, 30]);
    let tails = paper.tails();
    let mut reader = tails.follow((), 0).await.expect("read").expect("a feed");
    assert_eq!(take(&mut reader, "30").await, ["1", "2", "9", "17", "30"]);
}
