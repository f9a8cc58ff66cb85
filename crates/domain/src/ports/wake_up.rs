//! Hints that something can be read.

use crate::ids::{Seq, SessionId};
use crate::message::Message;

/// What is being said and is no message yet: a picture of the moment, never the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What kind of message it will be, as in the metadata of messages: `message`, `thought` …
    pub kind: String,
    /// The newest part of it, at most [`Preview::LIMIT`] bytes.
    pub text: String,
    /// How much of it was left out before that, in bytes.
    pub left_out: usize,
}

impl Preview {
    /// The most bytes of a text that are shown.
    pub const LIMIT: usize = 4_096;

    /// Shows the end of a text.
    #[must_use]
    pub fn of(kind: &str, text: &str) -> Self {
        let left_out = text.ceil_char_boundary(text.len().saturating_sub(Self::LIMIT));
        let shown = text.get(left_out..).unwrap_or_default();
        Self { kind: kind.to_owned(), text: shown.to_owned(), left_out }
    }
}

/// Passes on that something moved. A hint may be lost; whoever waits for one also looks by itself from time to time. Called
/// after the commit, never waits, never fails.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait WakeUps: Send + Sync {
    /// The conversation of a session has reached a seq.
    fn session_moved(&self, session: SessionId, seq: Seq);

    /// The same with the messages of one session that were just appended, dense and in order, which spares those who follow
    /// it in this process a look into the store. Whoever has not seen the message before them looks all the same.
    fn messages_appended(&self, messages: &[Message]) {
        if let Some(last) = messages.last() {
            self.session_moved(last.session_id, last.seq);
        }
    }

    /// The commands of a session have moved: there are new ones, or what became of one is known.
    fn command_queued(&self, session: SessionId);

    /// The fleet feed has grown.
    fn feed_grew(&self);

    /// Something is being said in a session. Only those who look at this moment see it, and it is not passed on beyond this
    /// process.
    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        let _ = (session, kind, text);
    }
}

/// For programs in which nobody follows anything.
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
