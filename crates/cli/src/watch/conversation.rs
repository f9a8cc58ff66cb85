//! The conversation that is open beside the tree.

use flightdeck_client::replies::{Message, Messages};
use uuid::Uuid;

/// How many of the newest messages are read when it is opened, and with each request from then on.
pub(super) const PAGE: u64 = 200;
/// How many messages are kept; `flightdeck logs` has all of them.
const KEPT: usize = 1_000;

/// A conversation, as far as it has been read.
pub(super) struct Conversation {
    pub(super) id: Uuid,
    pub(super) messages: Vec<Message>,
    /// Everything up to this place has been read or left out.
    read: u64,
    /// How many lines above the end the view is. Nothing is read until it is at the end again, so that what somebody reads
    /// stays where it is.
    pub(super) back: usize,
    /// A request is under way.
    is_fetching: bool,
    /// It has grown, or may have.
    is_due: bool,
    /// Nothing of it has been read yet.
    pub(super) is_new: bool,
}

impl Conversation {
    /// Opens one that has so many messages.
    pub(super) fn open(id: Uuid, last_seq: u64) -> Self {
        Self {
            id,
            messages: Vec::new(),
            read: last_seq.saturating_sub(PAGE),
            back: 0,
            is_fetching: false,
            is_due: true,
            is_new: true,
        }
    }

    /// After which message to read on, if it has to be read now.
    pub(super) fn wants(&mut self) -> Option<u64> {
        let wants = self.is_due && !self.is_fetching && self.back == 0;
        self.is_fetching |= wants;
        self.is_due &= !wants;
        wants.then_some(self.read)
    }

    /// It has grown, or may have.
    pub(super) fn mark_due(&mut self) {
        self.is_due = true;
    }

    /// Takes in what was read, or that nothing could be.
    pub(super) fn take(&mut self, page: Option<Messages>) {
        self.is_fetching = false;
        let Some(page) = page else { return };
        self.is_new = false;
        let before = self.read;
        for message in page.messages {
            if message.read.seq > self.read {
                self.read = message.read.seq;
                self.messages.push(message.read);
            }
        }
        self.messages.drain(..self.messages.len().saturating_sub(KEPT));
        // A page that brings nothing is not asked for again and again.
        self.is_due |= self.read > before && page.total > self.read;
    }

    /// How many messages have come since the view was moved away from the end.
    pub(super) fn unread(&self, last_seq: u64) -> u64 {
        if self.back == 0 { 0 } else { last_seq.saturating_sub(self.read) }
    }

    /// Whether there are messages before the first that is kept.
    pub(super) fn has_older(&self) -> bool {
        self.messages.first().is_some_and(|first| first.seq > 1)
    }

    /// Moves the view by so many lines towards the end; below zero away from it. Drawing keeps it from going beyond the
    /// beginning.
    pub(super) fn scroll(&mut self, lines: isize) {
        self.back = if lines >= 0 {
            self.back.saturating_sub(lines.unsigned_abs())
        } else {
            self.back.saturating_add(lines.unsigned_abs())
        };
    }
}
