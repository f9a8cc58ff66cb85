//! Where conversations are that the store has no more.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::approval::Approval;
use crate::command::Command;
use crate::ids::{CommandSeq, Seq, SessionId};
use crate::message::Message;
use crate::retention::{ArchiveObject, ObjectName, SignedManifest};
use crate::session::Session;

/// Why the archive did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be reached, or refuses.
    #[error("the archive cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An object is not there.
    #[error("the archive has no object {0}")]
    Missing(ObjectName),
    /// An object is not as it was written.
    #[error("the object {name} of the archive is not as it was written: {what}")]
    Broken {
        /// The object.
        name: ObjectName,
        /// What is wrong.
        what: String,
    },
    /// The file that is written before it goes to the archive cannot be written.
    #[error("the archive's working file cannot be written")]
    Scratch(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<ArchiveError> for StoreUnavailable {
    fn from(error: ArchiveError) -> Self {
        Self::new(error).hindered(super::Hindrance::Archive)
    }
}

/// Records of a session, in the order in which an object has them: messages, then commands, then permission requests.
#[derive(Clone, Debug, PartialEq)]
pub enum ArchiveRecords {
    /// Messages, dense, behind those before.
    Messages(Vec<Message>),
    /// Commands, dense, behind those before.
    Commands(Vec<Command>),
    /// Permission requests.
    Approvals(Vec<Approval>),
}

/// An object that is being written. Dropping it leaves nothing in the archive.
#[async_trait]
pub trait ArchiveWriter: Send {
    /// Adds records.
    async fn add(&mut self, records: ArchiveRecords) -> Result<(), ArchiveError>;

    /// Puts the object into the archive. The same records give the same object under the same name.
    async fn finish(self: Box<Self>) -> Result<ArchiveObject, ArchiveError>;
}

/// Keeps conversations outside the store.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Archive: Send + Sync {
    /// Begins an object for a session.
    async fn begin(&self, session: Session) -> Result<Box<dyn ArchiveWriter>, ArchiveError>;

    /// Reads an object back whole, and compares its length, its digest and the numbers of its records with what is
    /// expected.
    ///
    /// # Errors
    /// The object is missing or is another one, or the archive cannot be reached.
    async fn check(&self, object: ArchiveObject) -> Result<(), ArchiveError>;

    /// Gives at most `limit` messages of an object after a place, in order, and fewer when
    /// [`MessageSlice::ENOUGH_BYTES`](super::MessageSlice::ENOUGH_BYTES) are reached. The cost does not depend on the
    /// place.
    async fn messages_after(&self, object: ObjectName, after: Seq, limit: usize) -> Result<Vec<Message>, ArchiveError>;

    /// Gives the last `limit` messages before a place, in order, and fewer for the same reason.
    async fn messages_before(
        &self,
        object: ObjectName,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Message>, ArchiveError>;

    /// Gives at most `limit` commands of an object after a place, in order.
    async fn commands_after(
        &self,
        object: ObjectName,
        after: CommandSeq,
        limit: usize,
    ) -> Result<Vec<Command>, ArchiveError>;

    /// The session whose conversation an object holds.
    async fn session_of(&self, object: ObjectName) -> Result<SessionId, ArchiveError>;

    /// At most `limit` bytes of an object from a place on, as they are; none behind its end.
    async fn bytes_at(&self, object: ObjectName, place: u64, limit: u64) -> Result<Vec<u8>, ArchiveError>;

    /// Writes a manifest, and gives its name, which follows from its content.
    async fn put_manifest(&self, manifest: SignedManifest) -> Result<ObjectName, ArchiveError>;

    /// Reads a manifest.
    async fn manifest(&self, name: ObjectName) -> Result<SignedManifest, ArchiveError>;

    /// The names of all manifests, sorted.
    async fn manifests(&self) -> Result<Vec<ObjectName>, ArchiveError>;

    /// The names of the objects of a session, sorted. There may be one that no manifest names: a server was killed before
    /// it wrote the manifest.
    async fn objects_of(&self, session: SessionId) -> Result<Vec<ObjectName>, ArchiveError>;
}
