//! Rows as a database of messages has them.

use crate::content::{Content, Tag};

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Ids rise, as those of a server do: an index over random ones would grow slower.
    pub(super) id: [u8; 16],
    pub(super) session: [u8; 16],
    pub(super) seq: i64,
    pub(super) content: String,
}

/// Gives one row after the other, of one session.
#[derive(Debug)]
pub(super) struct Rows {
    content: Content,
    session: u32,
    next: u32,
}

impl Rows {
    pub(super) fn of_session(session: u32) -> Self {
        Self { content: Content::of_size(500), session, next: 0 }
    }

    pub(super) fn next(&mut self) -> Row {
        let message = self.next;
        self.next = self.next.wrapping_add(1);
        let id = u128::from(message) << 32 | u128::from(self.session);
        Row {
            id: id.to_be_bytes(),
            session: u128::from(self.session).to_be_bytes(),
            seq: i64::from(message) + 1,
            content: self.content.plain(Tag { session: self.session, message }),
        }
    }

    pub(super) fn many(&mut self, count: usize) -> Vec<Row> {
        (0..count).map(|_| self.next()).collect()
    }
}
