//! Hints that something can be read.

use crate::ids::{Seq, SessionId};
use crate::message::Message;

/// Unfinished text of an agent that is no message yet. It is a picture of the moment, and is never recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The kind of message that it becomes, as in the metadata of messages: `message`, `thought` …
    pub kind: String,
    /// The newest part of the text, at most [`Preview::LIMIT`] bytes.
    pub text: String,
    /// How many bytes before that part were left out.
    pub left_out: usize,
}

impl Preview {
    /// The largest number of bytes of a text that are shown.
    pub const LIMIT: usize = 4_096;

    /// Shows the end of a text.
    #[must_use]
    pub fn of(kind: &str, text: &str) -> Self {
        let left_out = text.ceil_char_boundary(text.len().saturating_sub(Self::LIMIT));
        let shown = text.get(left_out..).unwrap_or_default();
        Self { kind: kind.to_owned(), text: shown.to_owned(), left_out }
    }
}

/// Passes hints on. A hint may be lost, so a reader that waits for one also reads from time to time. It is called after
/// the commit, never waits, and never fails.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait WakeUps: Send + Sync {
    /// The conversation of a session has reached a seq.
    fn session_moved(&self, session: SessionId, seq: Seq);

    /// A store that has a thread to commit on calls this there, before it answers who appended, when nobody else waits for
    /// the thread: followers in this process then have the messages one wake-up earlier. Whoever appended still calls
    /// [`WakeUps::messages_appended`] for the same messages.
    fn messages_committed(&self, messages: &[Message]) {
        let _ = messages;
    }

    /// The same with the messages of one session that were just appended, dense and in order. With them, followers in
    /// this process need not read the store. A follower that has not seen the message before them still reads it.
    fn messages_appended(&self, messages: &[Message]) {
        if let Some(last) = messages.last() {
            self.session_moved(last.session_id, last.seq);
        }
    }

    /// The commands of a session have changed: there are new ones, or a receipt changed.
    fn command_queued(&self, session: SessionId);

    /// The fleet feed has grown.
    fn feed_grew(&self);

    /// An agent is writing in a session. Only readers at this moment see it, and it stays within this process.
    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        let _ = (session, kind, text);
    }
}

/// For programs without followers.
impl WakeUps for () {
    fn session_moved(&self, _session: SessionId, _seq: Seq) {}

    fn command_queued(&self, _session: SessionId) {}

    fn feed_grew(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_the_end_of_a_text_and_cuts_no_letter() {
        let short = Preview::of("message", "so far");
        assert_eq!((short.text.as_str(), short.left_out), ("so far", 0));
        let long = Preview::of("message", &"é".repeat(3_000));
        assert!(long.text.len() <= Preview::LIMIT && long.text.chars().all(|c| c == 'é'));
        assert_eq!(long.left_out + long.text.len(), 6_000);
        let odd = Preview::of("message", &format!("{}x", "é".repeat(3_000)));
        assert!(odd.text.len() < Preview::LIMIT, "half a letter is left out");
    }
}
