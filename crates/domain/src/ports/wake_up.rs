//! Hints that something can be read.

use crate::ids::{Seq, SessionId};
use crate::message::Message;

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
}

/// For programs in which nobody follows anything.
impl WakeUps for () {
    fn session_moved(&self, _session: SessionId, _seq: Seq) {}

    fn command_queued(&self, _session: SessionId) {}

    fn feed_grew(&self) {}
}
