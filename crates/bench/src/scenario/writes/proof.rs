//! Whether what was acknowledged happened: each write once on the fleet feed, and what it changed, read back.

use std::collections::HashMap;

use serde_json::Value;

use super::kind::{Caller, Kind};
use crate::check::Violation;
use crate::error::{BenchError, Outcome};
use crate::fleet::{Member, Names};
use crate::http::{Connection, Flow, Follower, Site};
use crate::scenario::feed::{field, position};
use crate::scenario::verify::read_back;
use crate::sse::Frame;

/// How many events of one type each session must have on the fleet feed, and has.
#[derive(Debug)]
struct Tally {
    event: &'static str,
    names: Names,
    /// By the number of the session: how many are still missing.
    missing: HashMap<u32, u32>,
    /// The position of the last event that was taken, and of the last one that there is.
    position: u64,
    end: u64,
}

fn wrong(what: String) -> BenchError {
    Violation::Wrong { who: "the fleet feed".to_owned(), what }.into()
}

impl Tally {
    fn take(&mut self, frame: Frame<'_>) -> Outcome<Flow> {
        let position = frame.id.ok_or_else(|| wrong("an event came without a position".to_owned()))?;
        if position <= self.position {
            return Err(wrong(format!("{position} came behind {}", self.position)));
        }
        self.position = position;
        if frame.event == self.event.as_bytes() {
            let session = field(frame.data, b"\"sessionId\":\"").and_then(|id| self.names.number(id));
            // Sessions of other callers have other names.
            match session.map(|session| (session, self.missing.get_mut(&session))) {
                None => {}
                Some((_, Some(missing @ 1..))) => *missing -= 1,
                Some((session, _)) => {
                    return Err(wrong(format!("session {session} has more {} events than writes", self.event)));
                }
            }
        }
        Ok(if position >= self.end { Flow::Enough } else { Flow::More })
    }

    /// # Errors
    /// A write was acknowledged that has no event.
    fn complete(&self) -> Outcome<()> {
        match self.missing.iter().find(|(_, missing)| **missing > 0) {
            None => Ok(()),
            Some((session, missing)) => {
                Err(wrong(format!("{missing} {} events of session {session} are missing", self.event)))
            }
        }
    }
}

/// Checks all that the callers were told to have happened behind a position of the feed.
///
/// # Errors
/// The first thing that is missing, or there too often.
pub(in crate::scenario) async fn prove(site: &Site, kind: Kind, before: u64, callers: &[Caller]) -> Outcome<()> {
    let names = callers.first().map(Caller::names);
    if let (Some(event), Some(names)) = (kind.event(), names) {
        let mut missing = HashMap::new();
        for caller in callers {
            match kind {
                Kind::Register => missing.extend(caller.registered().map(|session| (session, 1))),
                _ => drop(missing.insert(caller.number(), caller.done())),
            }
        }
        let end = position(site).await?;
        let mut tally = Tally { event, names, missing, position: before, end };
        if end > before {
            let request = site.follow(&format!("/agents/events?after={before}&activity=off"));
            let mut follower = Follower::open(site.address, &request).await?;
            follower.read(|frame, _| tally.take(frame)).await?;
        }
        tally.complete()?;
    }
    let mut connection = Connection::open(site.address).await?;
    for caller in callers.iter().filter(|caller| caller.done() > 0) {
        let session = read(&mut connection, site, &format!("/agents/{}/status", caller.member.id)).await?;
        let broken = |what: &str| {
            let what = format!("{what}, but its session is {session}");
            Err(Violation::Wrong { who: format!("agent {}", caller.member.id), what }.into())
        };
        match kind {
            Kind::Status if session.get("status") != Some(&caller.last_status().into()) => {
                return broken(&format!("it reported {} last", caller.last_status()));
            }
            // It was seen when it was registered, and later.
            Kind::Heartbeat if !seen_since(&session) => return broken("it gave signs of life"),
            Kind::Ack => {
                let path = format!("/agents/{}/commands", caller.member.id);
                let waiting = read(&mut connection, site, &path).await?;
                if waiting.pointer("/control/pendingCommands") != Some(&Value::from(0)) {
                    return broken(&format!("it acknowledged all commands, and {waiting} wait"));
                }
            }
            _ => {}
        }
    }
    if kind == Kind::Inject {
        let content = callers.first().map(|caller| caller.content().clone());
        let members: Vec<&Member> = callers.iter().map(|caller| &caller.member).collect();
        if let Some(content) = content {
            read_back(site, &members, &content).await?;
        }
    }
    Ok(())
}

/// Whether a session was seen after it began.
fn seen_since(session: &Value) -> bool {
    let text = |name: &str| session.get(name).and_then(Value::as_str).map(str::to_owned);
    // Both are UTC in the same form, so their texts have the order of their times.
    text("lastSeenAt").zip(text("spawnedAt")).is_some_and(|(seen, spawned)| seen > spawned)
}

async fn read(connection: &mut Connection, site: &Site, path: &str) -> Outcome<Value> {
    connection.exchange(&site.get(path)).await?.expect(&[200], path)?.json()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tally(missing: &[(u32, u32)]) -> Tally {
        let missing = missing.iter().copied().collect();
        Tally { event: "status", names: Names::of_run(1), missing, position: 10, end: 14 }
    }

    fn take(tally: &mut Tally, id: u64, event: &str, session: u32) -> Outcome<Flow> {
        let data = format!("{{\"position\":{id},\"sessionId\":\"{}\"}}", Names::of_run(1).session(session));
        tally.take(Frame { event: event.as_bytes(), id: Some(id), data: data.as_bytes() })
    }

    #[test]
    fn every_write_once_is_complete() {
        let mut tally = tally(&[(0, 1), (1, 2)]);
        assert!(matches!(take(&mut tally, 11, "status", 1), Ok(Flow::More)));
        assert!(matches!(take(&mut tally, 12, "status", 0), Ok(Flow::More)));
        assert!(tally.complete().is_err(), "one is missing");
        assert!(matches!(take(&mut tally, 14, "status", 1), Ok(Flow::Enough)));
        tally.complete().expect("complete");
    }

    #[test]
    fn what_comes_too_often_or_from_nowhere_shows() {
        assert!(take(&mut tally(&[(0, 0)]), 11, "status", 0).is_err(), "more than were written");
        assert!(take(&mut tally(&[(0, 1)]), 11, "status", 7).is_err(), "a session that nobody writes for");
        assert!(take(&mut tally(&[(0, 1)]), 10, "status", 0).is_err(), "a position of before");
        let mut other = tally(&[(0, 1)]);
        take(&mut other, 14, "spawned", 0).expect("another type is passed over");
        assert!(other.complete().is_err());
    }

    #[test]
    fn a_session_was_seen_when_its_time_moved() {
        let session = |seen: Value| json!({"spawnedAt": "2026-01-01T00:00:00.000001Z", "lastSeenAt": seen});
        assert!(seen_since(&session(json!("2026-01-01T00:00:00.100000Z"))));
        assert!(!seen_since(&session(json!("2026-01-01T00:00:00.000001Z"))));
        assert!(!seen_since(&session(Value::Null)));
    }
}
