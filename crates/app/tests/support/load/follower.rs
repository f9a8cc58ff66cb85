//! Readers of streams, who come back, by any door, with the id of the last event that they have.

use std::io::ErrorKind;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::{PAUSE, Scene, is_away};
use crate::support::random::Random;
use crate::support::sse::Event;

/// When a reader breaks its connection off.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    /// After so many events …
    pub(crate) events: Range<u64>,
    /// … or when nothing came for so many milliseconds.
    pub(crate) quiet: Range<u64>,
}

/// A message that came over a stream.
pub(crate) struct Seen {
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) content: String,
    pub(crate) at: Instant,
}

/// What came over the streams of one reader.
pub(crate) struct Followed {
    pub(crate) session: String,
    pub(crate) seen: Vec<Seen>,
    pub(crate) connections: u64,
}

/// Follows a session to its end.
pub(crate) fn follow(scene: &Scene, session: &str, cuts: Option<&Cuts>, mut random: Random) -> Followed {
    let path = format!("/agents/{session}/messages/stream");
    let mut followed = Followed { session: session.to_owned(), seen: Vec::new(), connections: 0 };
    let mut last = None;
    read(scene, &path, cuts, &mut random, &mut followed.connections, |event| {
        match (event.name.as_str(), event.id) {
            ("end", None) => return Reached::End,
            ("message", Some(seq)) => {
                let message = event.json();
                let text = |name: &str| message[name].as_str().expect("a text").to_owned();
                // Seen at once, and not only at the end: a reader that starts over for ever would never get there.
                assert_eq!(seq, last.unwrap_or(0) + 1, "{path}: not once and in order");
                last = Some(seq);
                followed.seen.push(Seen { seq, id: text("id"), content: text("content"), at: Instant::now() });
            }
            ("receipt", None) => {}
            other => panic!("{other:?}: {}", event.data),
        }
        Reached::GoesOn
    });
    followed
}

/// Follows the fleet feed, whose places are dense, up to the event that tells of a session, which is spawned last of all.
/// Gives the place of that.
pub(crate) fn follow_feed(scene: &Scene, until: &str, cuts: Option<&Cuts>, mut random: Random) -> u64 {
    let mut last = 0;
    let path = "/agents/events?after=0&activity=off";
    read(scene, path, cuts, &mut random, &mut 0, |event| {
        let place = event.id.expect("each event has its place");
        assert_eq!(place, last + 1, "the fleet feed: not once and in order");
        last = place;
        if event.name == "spawned" && event.json()["sessionId"] == until {
            return Reached::End;
        }
        Reached::GoesOn
    });
    last
}

enum Reached {
    GoesOn,
    End,
}

/// Reads a stream, and comes back whenever it breaks off or is cut.
fn read(
    scene: &Scene,
    path: &str,
    cuts: Option<&Cuts>,
    random: &mut Random,
    connections: &mut u64,
    mut take: impl FnMut(&Event) -> Reached,
) {
    let _guard = scene.guard();
    let mut cursor: Option<String> = None;
    while !scene.is_given_up() {
        let mut stream = match scene.door(random).resume(path, cursor.as_deref()) {
            Ok(stream) if stream.status == 200 => stream,
            // The end was sent, and the connection broke before it arrived.
            Ok(stream) if stream.status == 204 => return,
            Ok(stream) => {
                assert!(is_away(stream.status), "{path} after {cursor:?}: {}", stream.status);
                thread::sleep(PAUSE);
                continue;
            }
            Err(_) => {
                thread::sleep(PAUSE);
                continue;
            }
        };
        *connections += 1;
        let events = cuts.map_or(u64::MAX, |cuts| random.within(cuts.events.clone()));
        if let Some(cuts) = cuts {
            stream.be_patient_for(Duration::from_millis(random.within(cuts.quiet.clone())));
        }
        for _ in 0..events {
            let event = match stream.next() {
                Ok(Some(event)) => event,
                // A reader that came back would find what the stream should have told it.
                Err(error) if cuts.is_none() && matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                    panic!("{path} after {cursor:?}: the stream stands still")
                }
                _ => break,
            };
            match take(&event) {
                Reached::End => return,
                // What has no id does not move the cursor.
                Reached::GoesOn if event.cursor.is_empty() => {}
                Reached::GoesOn => cursor = Some(event.cursor),
            }
        }
    }
}
