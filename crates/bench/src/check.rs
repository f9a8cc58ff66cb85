//! Whether what came is right. A fast wrong answer is a failure.

use crate::content::Tag;
use crate::number::{count, length};

/// A promise that the server broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// An entry came twice, or behind one that follows it.
    #[error("{who}: {got} came where {expected} was due: a duplicate, or out of order")]
    Again { who: String, expected: u64, got: u64 },
    /// An entry is missing.
    #[error("{who}: {got} came where {expected} was due: a gap")]
    Gap { who: String, expected: u64, got: u64 },
    /// A text is not the one that was sent.
    #[error("{who}: the text at {place} is not the one that was sent there")]
    Content { who: String, place: u64 },
    /// There are fewer or more than there should be.
    #[error("{who}: {got} {what} instead of {expected}")]
    Count { who: String, what: &'static str, expected: u64, got: u64 },
    /// Anything else that an answer must not say.
    #[error("{who}: {what}")]
    Wrong { who: String, what: String },
}

/// Takes numbers that must be dense: each one more than the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense {
    next: u64,
}

impl Dense {
    pub(crate) const fn after(last: u64) -> Self {
        Self { next: last + 1 }
    }

    /// The last number that was taken.
    pub(crate) const fn last(self) -> u64 {
        self.next - 1
    }

    /// # Errors
    /// The number is not the next one. `who` is asked for the name of whoever got it.
    pub(crate) fn take(&mut self, got: u64, who: impl FnOnce() -> String) -> Result<(), Violation> {
        let expected = self.next;
        if got == expected {
            self.next += 1;
            return Ok(());
        }
        let who = who();
        Err(if got < expected {
            Violation::Again { who, expected, got }
        } else {
            Violation::Gap { who, expected, got }
        })
    }
}

/// What was acknowledged in one session: which message stands at which seq.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    /// The number of the session in the run.
    session: u32,
    /// The last seq that was there before.
    base: u64,
    /// At seq `base + 1 + n`: the message that was acknowledged there.
    messages: Vec<Option<u32>>,
    acknowledged: u64,
    sent: u32,
}

impl Ledger {
    pub(crate) const fn new(session: u32, base: u64) -> Self {
        Self { session, base, messages: Vec::new(), acknowledged: 0, sent: 0 }
    }

    /// The tag of the next message that is sent.
    pub(crate) const fn send(&mut self) -> Tag {
        let tag = Tag { session: self.session, message: self.sent };
        self.sent += 1;
        tag
    }

    fn who(&self) -> String {
        format!("session {}", self.session)
    }

    /// Notes that a message was acknowledged at a seq.
    ///
    /// # Errors
    /// Another one was acknowledged there before, or it was there before the run.
    pub(crate) fn acknowledge(&mut self, seq: u64, tag: Tag) -> Result<(), Violation> {
        let again = |who| Violation::Again { who, expected: seq + 1, got: seq };
        let Some(place) = seq.checked_sub(self.base + 1).map(length) else { return Err(again(self.who())) };
        // A wild number must not be taken for a reason to ask for all memory.
        if place > self.messages.len() + 1_000_000 {
            return Err(Violation::Gap { who: self.who(), expected: self.last() + 1, got: seq });
        }
        if place >= self.messages.len() {
            self.messages.resize(place + 1, None);
        }
        match self.messages.get_mut(place) {
            Some(free @ None) => *free = Some(tag.message),
            _ => return Err(again(self.who())),
        }
        self.acknowledged += 1;
        Ok(())
    }

    /// The last seq that was acknowledged.
    pub(crate) fn last(&self) -> u64 {
        self.base + count(self.messages.len())
    }

    pub(crate) const fn base(&self) -> u64 {
        self.base
    }

    /// # Errors
    /// A seq before the last one was given to nobody.
    pub(crate) fn complete(&self) -> Result<(), Violation> {
        match self.messages.iter().position(Option::is_none) {
            None => Ok(()),
            Some(hole) => {
                let expected = self.base + 1 + count(hole);
                Err(Violation::Gap { who: self.who(), expected, got: expected + 1 })
            }
        }
    }

    /// # Errors
    /// What stands at a seq is not what was acknowledged there.
    pub(crate) fn compare(&self, seq: u64, found: Option<Tag>) -> Result<(), Violation> {
        let place = seq.checked_sub(self.base + 1).map(length);
        let message = place.and_then(|place| self.messages.get(place).copied().flatten());
        let sent = message.map(|message| Tag { session: self.session, message });
        if sent.is_some() && sent == found { Ok(()) } else { Err(Violation::Content { who: self.who(), place: seq }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(message: u32) -> Tag {
        Tag { session: 3, message }
    }

    #[test]
    fn only_the_next_number_is_taken() {
        let mut dense = Dense::after(4);
        assert_eq!(dense.take(5, String::new), Ok(()));
        assert_eq!(dense.take(5, || "f".into()), Err(Violation::Again { who: "f".into(), expected: 6, got: 5 }));
        assert_eq!(dense.take(7, || "f".into()), Err(Violation::Gap { who: "f".into(), expected: 6, got: 7 }));
        assert_eq!((dense.take(6, String::new), dense.last()), (Ok(()), 6));
    }

    #[test]
    fn seqs_may_be_acknowledged_in_any_order_but_once() {
        let mut ledger = Ledger::new(3, 1);
        let (first, second) = (ledger.send(), ledger.send());
        assert_eq!((first, second), (tag(0), tag(1)));
        assert_eq!(ledger.acknowledge(3, first), Ok(()));
        assert!(matches!(ledger.complete(), Err(Violation::Gap { expected: 2, .. })));
        assert!(matches!(ledger.acknowledge(3, second), Err(Violation::Again { got: 3, .. })));
        assert!(matches!(ledger.acknowledge(1, second), Err(Violation::Again { got: 1, .. })), "it was there before");
        assert_eq!(ledger.acknowledge(2, second), Ok(()));
        assert_eq!((ledger.complete(), ledger.last(), ledger.base()), (Ok(()), 3, 1));
    }

    #[test]
    fn a_wild_seq_is_a_gap() {
        assert!(matches!(Ledger::new(3, 0).acknowledge(u64::MAX, tag(0)), Err(Violation::Gap { expected: 1, .. })));
    }

    #[test]
    fn what_is_read_must_be_what_was_acknowledged_there() {
        let mut ledger = Ledger::new(3, 0);
        ledger.acknowledge(1, tag(0)).expect("free");
        ledger.acknowledge(2, tag(1)).expect("free");
        assert_eq!(ledger.compare(2, Some(tag(1))), Ok(()));
        for (seq, found) in [(1, Some(tag(1))), (1, None), (3, Some(tag(2))), (0, Some(tag(0)))] {
            assert!(ledger.compare(seq, found).is_err(), "{seq} {found:?}");
        }
        assert!(ledger.compare(1, Some(Tag { session: 4, message: 0 })).is_err(), "of another session");
    }
}
