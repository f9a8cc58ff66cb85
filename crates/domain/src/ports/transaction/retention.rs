//! The rules of retention, and archived sessions.

use super::Rows;
use crate::command::Command;
use crate::ids::{CommandSeq, FeedPosition, Seq, SessionId};
use crate::retention::{ArchivedSession, EndedPlace, Retention};
use crate::session::Session;
use crate::time::Timestamp;

/// The rows of retention. The lock of a session guards its note in the archive.
pub trait RetentionRows: Send {
    /// Reads the rules; those before the first change when there is no row.
    fn retention(&mut self) -> impl Future<Output = Rows<Retention>> + Send;

    /// Reads and locks the rules, or locks out others who would write the first row.
    fn lock_retention(&mut self) -> impl Future<Output = Rows<Retention>> + Send {
        self.retention()
    }

    /// Writes the rules.
    fn save_retention(&mut self, retention: &Retention) -> impl Future<Output = Rows<()>> + Send;

    /// Reads the heads of at most `limit` sessions that ended before a moment and are not archived, behind a place, those
    /// that ended first before the others.
    fn ended_before(
        &mut self,
        before: Timestamp,
        after: Option<EndedPlace>,
        limit: usize,
    ) -> impl Future<Output = Rows<Vec<Session>>> + Send;

    /// The bytes of content and metadata of a conversation, in the store.
    fn conversation_bytes(&mut self, session: SessionId) -> impl Future<Output = Rows<u64>> + Send;

    /// Reads at most `limit` commands of a session after a place, in order.
    fn commands_after(
        &mut self,
        session: SessionId,
        after: CommandSeq,
        limit: usize,
    ) -> impl Future<Output = Rows<Vec<Command>>> + Send;

    /// Writes the note of an archived session, in place of one that is there.
    fn save_archived(&mut self, archived: &ArchivedSession) -> impl Future<Output = Rows<()>> + Send;

    /// Reads the notes of those sessions that are archived, in any order.
    fn archived(&mut self, sessions: &[SessionId]) -> impl Future<Output = Rows<Vec<ArchivedSession>>> + Send;

    /// Reads at most `limit` notes of sessions of which rows are left.
    fn unfinished_removals(&mut self, limit: usize) -> impl Future<Output = Rows<Vec<ArchivedSession>>> + Send;

    /// Deletes the note of an archived session.
    fn remove_archived(&mut self, session: SessionId) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes the messages of a session up to a place.
    fn remove_messages(&mut self, session: SessionId, through: Seq) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes the commands of a session up to a place.
    fn remove_commands(&mut self, session: SessionId, through: CommandSeq) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes the entries of the feed up to a position, and gives their number.
    fn remove_events(&mut self, through: FeedPosition) -> impl Future<Output = Rows<u64>> + Send;
}
