//! Hints of the other replicas.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flightdeck_domain::ports::WakeUps;
use redis::{Msg, PushInfo};
use uuid::Uuid;

use crate::message::{Hint, Message, Unreadable};
use crate::stats::Counters;

/// Passes on what others say to whoever waits in this process. Nothing queues here: what is read is passed on at once.
pub(crate) struct Inbox {
    replica: Uuid,
    local: Arc<dyn WakeUps>,
    everything: Everything,
    counters: Arc<Counters>,
    told_of_version: AtomicBool,
    told_of_garbage: AtomicBool,
}

/// Has everybody in this process look.
pub(crate) type Everything = Box<dyn Fn() + Send + Sync>;

impl Inbox {
    pub(crate) fn new(replica: Uuid, local: Arc<dyn WakeUps>, everything: Everything, counters: Arc<Counters>) -> Self {
        let (told_of_version, told_of_garbage) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { replica, local, everything, counters, told_of_version, told_of_garbage }
    }

    /// The replica that this is.
    pub(crate) const fn replica(&self) -> Uuid {
        self.replica
    }

    /// Takes what the connection brings, when it is a message of the channel.
    pub(crate) fn take(&self, push: PushInfo) {
        let Some(message) = Msg::from_push_info(push) else { return };
        match Message::decode(message.get_payload_bytes()) {
            // The channel brings back what was said here.
            Ok(message) if message.replica == self.replica => {}
            Ok(message) => {
                self.counters.received.add(message.hints.len());
                message.hints.into_iter().for_each(|hint| self.pass_on(hint));
            }
            Err(unreadable) => self.ignore(unreadable),
        }
    }

    /// Has everybody in this process look, because hints may have been missed.
    pub(crate) fn look_at_everything(&self) {
        (self.everything)();
    }

    fn pass_on(&self, hint: Hint) {
        match hint {
            Hint::Conversation(session, seq) => self.local.session_moved(session, seq),
            Hint::Commands(session) => self.local.command_queued(session),
            Hint::Feed => self.local.feed_grew(),
            Hint::Everything => self.look_at_everything(),
        }
    }

    /// Warns once of each kind: whoever sends one such message sends many.
    fn ignore(&self, unreadable: Unreadable) {
        self.counters.ignored.add(1);
        let told = match unreadable {
            Unreadable::Version(_) => &self.told_of_version,
            Unreadable::Garbage => &self.told_of_garbage,
        };
        if !told.swap(true, Ordering::Relaxed) {
            let cause: &dyn std::error::Error = &unreadable;
            tracing::warn!(cause, "a message between replicas is ignored, and so will be others like it");
        }
    }
}
