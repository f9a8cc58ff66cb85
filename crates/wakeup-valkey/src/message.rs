//! What replicas send each other; the crate's documentation has the format.

use std::fmt::Write;

use flightdeck_domain::ids::{Seq, SessionId};
use uuid::Uuid;

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The most hints that a message may hold: more than any replica of this release sends.
const MOST_HINTS: usize = 100_000;

/// Something may have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A conversation has reached a seq.
    Conversation(SessionId, Seq),
    /// A session has new commands.
    Commands(SessionId),
    /// The fleet feed has grown.
    Feed,
    /// Anything may have.
    Everything,
}

/// What one replica says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Who says it.
    pub(crate) replica: Uuid,
    pub(crate) hints: Vec<Hint>,
}

/// Why a message is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is of version {0}, and this release reads version {VERSION}")]
    Version(u32),
    #[error("it is no message of a replica")]
    Garbage,
}

impl Message {
    pub(crate) fn encode(&self) -> String {
        let mut text = format!("{VERSION} {}", self.replica);
        for hint in &self.hints {
            // Writing to a text cannot fail.
            let _ = match hint {
                Hint::Conversation(session, seq) => write!(text, "\nm {session} {seq}"),
                Hint::Commands(session) => write!(text, "\nc {session}"),
                Hint::Feed => write!(text, "\nf"),
                Hint::Everything => write!(text, "\n*"),
            };
        }
        text
    }

    /// Reads a message, all of it or nothing.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(bytes).or(Err(Unreadable::Garbage))?;
        let mut lines = text.split('\n');
        let (version, replica) = lines.next().and_then(|line| line.split_once(' ')).ok_or(Unreadable::Garbage)?;
        match version.parse() {
            Ok(VERSION) => {}
            Ok(version) => return Err(Unreadable::Version(version)),
            Err(_) => return Err(Unreadable::Garbage),
        }
        let replica = Uuid::try_parse(replica).or(Err(Unreadable::Garbage))?;
        // One more than allowed is enough to see that there are too many.
        let hints: Option<Vec<Hint>> = lines.take(MOST_HINTS + 1).map(hint).collect();
        let hints = hints.filter(|hints| hints.len() <= MOST_HINTS).ok_or(Unreadable::Garbage)?;
        Ok(Self { replica, hints })
    }
}

fn hint(line: &str) -> Option<Hint> {
    let mut words = line.split(' ');
    let hint = match words.next()? {
        "m" => Hint::Conversation(words.next()?.parse().ok()?, Seq::new(words.next()?.parse().ok()?)),
        "c" => Hint::Commands(words.next()?.parse().ok()?),
        "f" => Hint::Feed,
        "*" => Hint::Everything,
        _ => return None,
    };
    words.next().is_none().then_some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(byte: u8) -> SessionId {
        SessionId::new(Uuid::from_bytes([byte; 16]))
    }

    #[test]
    fn a_message_looks_as_documented() {
        let hints = vec![
            Hint::Conversation(session(0xaa), Seq::new(17)),
            Hint::Commands(session(0xbb)),
            Hint::Feed,
            Hint::Everything,
        ];
        let text = "1 01010101-0101-0101-0101-010101010101\n\
            m aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa 17\n\
            c bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb\n\
            f\n\
            *";
        let message = Message { replica: Uuid::from_bytes([1; 16]), hints };
        assert_eq!(message.encode(), text);
        assert_eq!(Message::decode(text.as_bytes()), Ok(message));
    }

    #[test]
    fn what_is_no_message_is_told_from_what_another_release_says() {
        let replica = Uuid::nil();
        for garbage in ["", "hello", "1", "1 x", "1 \n*", "-1 x", "1  *"] {
            assert_eq!(Message::decode(garbage.as_bytes()), Err(Unreadable::Garbage), "{garbage:?}");
        }
        for line in ["", "x", "m", "f f", "* ", "m 1 2", "c aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa 1"] {
            let text = format!("1 {replica}\nf\n{line}");
            assert_eq!(Message::decode(text.as_bytes()), Err(Unreadable::Garbage), "{line:?}");
        }
        assert_eq!(Message::decode(b"1 \xff"), Err(Unreadable::Garbage));
        assert_eq!(Message::decode(b"2 whatever comes"), Err(Unreadable::Version(2)));
        let endless = format!("1 {replica}{}", "\nf".repeat(MOST_HINTS + 1));
        assert_eq!(Message::decode(endless.as_bytes()), Err(Unreadable::Garbage));
    }

    fn hints() -> impl Strategy<Value = Hint> {
        prop_oneof![
            (any::<u8>(), 0..i64::MAX.unsigned_abs())
                .prop_map(|(id, seq)| Hint::Conversation(session(id), Seq::new(seq))),
            any::<u8>().prop_map(|id| Hint::Commands(session(id))),
            Just(Hint::Feed),
            Just(Hint::Everything),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(replica: u128, hints in proptest::collection::vec(hints(), 0..20)) {
            let message = Message { replica: Uuid::from_u128(replica), hints };
            prop_assert_eq!(Message::decode(message.encode().as_bytes()), Ok(message));
        }

        #[test]
        fn nothing_that_is_sent_does_harm(bytes: Vec<u8>) {
            let _ = Message::decode(&bytes);
        }
    }
}
