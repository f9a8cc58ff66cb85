//! What the store knows of a conversation that is in the archive.

use crate::ids::{CommandSeq, Seq, SessionId};
use crate::name::{name, within};
use crate::session::{Session, SessionStatus};
use crate::time::Timestamp;

name! {
    /// The name of an object within the archive: a path of 1 to 250 letters, digits, `-`, `_` and `.` with `/` between.
    ObjectName, "the name of an object of the archive", |text|
        within(text, 250, |byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
            && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
}

name! {
    /// The SHA-256 of an object, as 64 lower-case hexadecimal digits.
    ObjectDigest, "a SHA-256 in 64 lower-case hexadecimal digits", |text|
        text.len() == 64 && within(text, 64, |byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// An object of the archive that holds the conversation of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveObject {
    /// Its name. It follows from the session and the digest, so the same content has the same name.
    pub name: ObjectName,
    /// The SHA-256 of its bytes.
    pub digest: ObjectDigest,
    /// Its length in bytes.
    pub bytes: u64,
    /// The number of its messages, which is also the seq of the last one.
    pub messages: Seq,
    /// The number of its commands, which is also the seq of the last one.
    pub commands: CommandSeq,
}

/// A session whose conversation is in the archive, and how much of it is removed from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedSession {
    /// The session.
    pub session: SessionId,
    /// When it was archived.
    pub archived_at: Timestamp,
    /// Where its conversation is.
    pub object: ArchiveObject,
    /// The manifest that names the object.
    pub manifest: ObjectName,
    /// Messages up to this one are removed from the store.
    pub removed_messages: Seq,
    /// Commands up to this one are removed from the store.
    pub removed_commands: CommandSeq,
}

/// Why a session is not taken for archived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsArchived {
    /// It is at work.
    #[error("session {session} is {status}, and has not ended")]
    NotEnded {
        /// The session.
        session: SessionId,
        /// Its status.
        status: SessionStatus,
    },
    /// The object holds another conversation.
    #[error("session {session} has {messages} messages and {commands} commands, and the object in the archive has not")]
    Differs {
        /// The session.
        session: SessionId,
        /// The seq of its newest message.
        messages: Seq,
        /// The seq of its newest command.
        commands: CommandSeq,
    },
}

/// What one transaction removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Messages up to a place.
    Messages(Seq),
    /// Commands up to a place; there are no messages any more.
    Commands(CommandSeq),
}

impl ArchivedSession {
    /// How many rows one transaction removes at most.
    pub const BATCH: u64 = 1_000;

    /// Checks that the object is the whole of an ended session. A store asks under the lock of the session.
    ///
    /// # Errors
    /// The session has not ended, or has another number of messages or commands.
    pub fn fits(&self, session: &Session) -> Result<(), NotAsArchived> {
        let (id, status) = (session.id, session.status);
        if !status.is_terminal() {
            return Err(NotAsArchived::NotEnded { session: id, status });
        }
        let (messages, commands) = (session.last_seq, session.last_command_seq);
        if (messages, commands) != (self.object.messages, self.object.commands) {
            return Err(NotAsArchived::Differs { session: id, messages, commands });
        }
        Ok(())
    }

    /// What is removed next; `None` when nothing of the conversation is left in the store.
    #[must_use]
    pub fn next_removal(&self) -> Option<Removal> {
        if self.removed_messages < self.object.messages {
            let next = self.removed_messages.get().saturating_add(Self::BATCH);
            return Some(Removal::Messages(Seq::new(next).min(self.object.messages)));
        }
        let next = self.removed_commands.get().saturating_add(Self::BATCH);
        (self.removed_commands < self.object.commands)
            .then(|| Removal::Commands(CommandSeq::new(next).min(self.object.commands)))
    }

    /// The same after a removal.
    #[must_use]
    pub fn without(&self, removal: Removal) -> Self {
        match removal {
            Removal::Messages(through) => Self { removed_messages: through, ..self.clone() },
            Removal::Commands(through) => Self { removed_commands: through, ..self.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{archived, session};

    fn note(messages: u64, commands: u64) -> ArchivedSession {
        archived(session(1).id, messages, commands)
    }

    #[test]
    fn removals_go_from_the_first_message_to_the_last_command() {
        let mut now = note(2_001, 1);
        let mut steps = Vec::new();
        while let Some(removal) = now.next_removal() {
            steps.push(removal);
            now = now.without(removal);
        }
        let messages = [1_000, 2_000, 2_001].map(|seq| Removal::Messages(Seq::new(seq)));
        assert_eq!(steps[..3], messages);
        assert_eq!(steps[3..], [Removal::Commands(CommandSeq::new(1))]);
        assert_eq!(note(0, 0).next_removal(), None);
    }

    #[test]
    fn only_the_whole_of_an_ended_session_fits() {
        let ended = Session {
            status: SessionStatus::Killed,
            last_seq: Seq::new(3),
            last_command_seq: CommandSeq::new(2),
            ..session(1)
        };
        assert_eq!(note(3, 2).fits(&ended), Ok(()));
        for other in [note(2, 2), note(4, 2), note(3, 1)] {
            assert!(matches!(other.fits(&ended), Err(NotAsArchived::Differs { .. })));
        }
        for status in [SessionStatus::Running, SessionStatus::Lost] {
            let at_work = Session { status, ..ended.clone() };
            assert!(matches!(note(3, 2).fits(&at_work), Err(NotAsArchived::NotEnded { .. })));
        }
    }

    #[test]
    fn a_name_stays_within_the_archive() {
        for wrong in ["", "/x", "x/", "a//b", "../x", "a/../b", ".x", "a b", "é"] {
            assert!(ObjectName::new(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0a".repeat(31), "0A".repeat(32), "0g".repeat(32)] {
            assert!(ObjectDigest::new(wrong.as_str()).is_err(), "{wrong}");
        }
    }
}
