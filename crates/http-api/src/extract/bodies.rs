//! The bodies of requests that are in memory, over the whole server.
//!
//! *Invariant: every body in memory is counted.* A body is counted by its memory, before it takes the memory, and until
//! it is dropped. An announced length reserves no memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Cap;
use crate::problem::ApiError;

/// The largest number of bytes of bodies in memory at once. Each kind of caller has a share of its own, so that none
/// crowds out another: strangers do not crowd out an agent's messages, and nothing crowds out a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The share of callers without a key, for logins. 4 MiB by default.
    pub strangers: usize,
    /// The share of kills, kill-all, the release of the kill switch, pauses and interrupts. 8 MiB by default.
    pub stops: usize,
    /// The share of all other calls of operators. 64 MiB by default.
    pub operators: usize,
    /// The share of agents: registrations, messages, reports and hooks. 256 MiB by default.
    pub agents: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { strangers: 4 << 20, stops: 8 << 20, operators: 64 << 20, agents: 256 << 20 }
    }
}

/// The shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Strangers,
    Stops,
    Operators,
    Agents,
}

/// The count of all bodies.
pub(crate) struct Bodies {
    strangers: Arc<Count>,
    stops: Arc<Count>,
    operators: Arc<Count>,
    agents: Arc<Count>,
}

struct Count {
    most: usize,
    held: AtomicUsize,
}

impl Count {
    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0) })
    }

    fn add(&self, bytes: usize) -> Result<(), ApiError> {
        let room = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.most);
        let taken = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        taken.map(drop).map_err(|_full| ApiError::Busy)
    }
}

impl Bodies {
    pub(crate) fn new(limits: BodyLimits) -> Self {
        let BodyLimits { strangers, stops, operators, agents } = limits;
        Self {
            strangers: Count::of(strangers),
            stops: Count::of(stops),
            operators: Count::of(operators),
            agents: Count::of(agents),
        }
    }

    /// Counts a body that is about to arrive.
    pub(crate) fn hold(&self, cap: Cap) -> Held {
        let count = match cap.share() {
            Share::Strangers => &self.strangers,
            Share::Stops => &self.stops,
            Share::Operators => &self.operators,
            Share::Agents => &self.agents,
        };
        Held { count: Arc::clone(count), bytes: 0 }
    }
}

/// The memory of one body, counted as long as this value lives.
pub(crate) struct Held {
    count: Arc<Count>,
    bytes: usize,
}

impl Held {
    /// Changes the number of bytes that are held.
    ///
    /// # Errors
    /// There is no room for more now. The number of bytes stays as it was.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), ApiError> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.count.add(more)?,
            None => drop(self.count.held.fetch_sub(self.bytes - bytes, Ordering::Relaxed)),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body that is arriving; it takes memory as it arrives.
pub(crate) struct Arrived {
    bytes: Vec<u8>,
    held: Held,
    cap: Cap,
}

impl Arrived {
    pub(crate) fn new(bodies: &Bodies, cap: Cap) -> Self {
        Self { bytes: Vec::new(), held: bodies.hold(cap), cap }
    }

    /// Adds bytes that have arrived.
    ///
    /// # Errors
    /// The body would be longer than its cap, or there is no room now.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        let needed = self.bytes.len() + chunk.len();
        if needed > self.cap.bytes() {
            return Err(ApiError::TooLarge(self.cap.bytes()));
        }
        if needed > self.bytes.capacity() {
            let room = (self.bytes.capacity() * 2).min(self.cap.bytes()).max(needed);
            self.held.set(room)?;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

impl std::ops::Deref for Arrived {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bytes: usize) -> BodyLimits {
        BodyLimits { strangers: bytes, stops: bytes, operators: bytes, agents: bytes }
    }

    fn held(bodies: &Bodies) -> [usize; 4] {
        [&bodies.strangers, &bodies.stops, &bodies.operators, &bodies.agents]
            .map(|count| count.held.load(Ordering::Relaxed))
    }

    #[test]
    fn a_body_takes_its_room_as_it_comes_and_gives_it_back() {
        let bodies = Bodies::new(limits(10_000));
        let mut body = Arrived::new(&bodies, Cap::Control);
        assert_eq!(held(&bodies), [0; 4], "nothing came");
        for _ in 0..100 {
            body.push(&[b'x'; 50]).expect("room");
            let counted = held(&bodies);
            assert!(counted[2] >= body.len() && counted[2] <= 2 * body.len(), "{counted:?} for {}", body.len());
            assert_eq!(counted[2], body.bytes.capacity());
        }
        drop(body);
        assert_eq!(held(&bodies), [0; 4]);
    }

    #[test]
    fn what_has_no_room_is_refused_and_leaves_the_count_as_it_was() {
        let bodies = Bodies::new(limits(1_000));
        let mut first = Arrived::new(&bodies, Cap::Append);
        first.push(&[b'x'; 600]).expect("room");
        let mut second = Arrived::new(&bodies, Cap::Append);
        assert!(matches!(second.push(&[b'x'; 600]), Err(ApiError::Busy)));
        assert_eq!((held(&bodies), second.len()), ([0, 0, 0, 600], 0));
        for cap in [Cap::Login, Cap::Stop, Cap::Inject] {
            Arrived::new(&bodies, cap).push(&[b'x'; 600]).expect("another share");
        }
        drop(first);
        second.push(&[b'x'; 600]).expect("room again");
    }

    #[test]
    fn no_body_is_longer_than_its_cap() {
        let bodies = Bodies::new(BodyLimits::default());
        let mut body = Arrived::new(&bodies, Cap::Login);
        body.push(&[b'x'; 4_096]).expect("as much as it may");
        assert!(matches!(body.push(b"x"), Err(ApiError::TooLarge(4_096))));
        assert_eq!(held(&bodies), [4_096, 0, 0, 0]);
    }

    #[test]
    fn what_shrinks_gives_back_at_once() {
        let bodies = Bodies::new(limits(1_000));
        let mut lines = bodies.hold(Cap::Lines);
        lines.set(900).expect("room");
        assert!(lines.set(1_001).is_err());
        lines.set(100).expect("less");
        assert_eq!(held(&bodies), [0, 0, 0, 100]);
        drop(lines);
        assert_eq!(held(&bodies), [0; 4]);
    }

    #[test]
    fn every_share_has_room_for_the_largest_body_of_its_kind() {
        let bodies = Bodies::new(BodyLimits::default());
        for cap in
            [Cap::Login, Cap::Stop, Cap::Control, Cap::Decide, Cap::Inject, Cap::Session, Cap::Append, Cap::Lines]
        {
            bodies.hold(cap).set(cap.bytes()).expect("room");
        }
    }
}
