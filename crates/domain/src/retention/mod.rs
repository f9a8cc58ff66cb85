//! How long what has ended is kept in the store, and where it is afterwards.
//!
//! [`RetentionRules`] say after how many days the conversation of an ended session goes to the archive, and after how many
//! days an entry of the fleet feed goes. Without a rule everything stays for ever. A session's row, its place in the tree,
//! its usage, its permission requests and the targets of operations always stay, and so does the audit log.
//!
//! # The order
//! A conversation is written to the archive, read back whole and compared, and named in a signed [`ArchiveManifest`]. Then
//! the store notes it as an [`ArchivedSession`], and only then its rows are removed in small batches. Each step may be
//! repeated. An ended session takes neither messages nor commands any more, so what was compared is what is removed.

mod archived;
mod change;
mod due;
mod lease;
mod manifest;
mod record;
mod rule;

pub use archived::{ArchiveObject, ArchivedSession, NotAsArchived, ObjectDigest, ObjectName, Removal};
pub use change::{RetentionChange, RetentionDecision, RetentionRefused};
pub use due::{DuePage, EndedPlace};
pub use lease::{RETENTION_LEASE, RetentionLease, RetentionTaking};
pub use manifest::{ArchiveManifest, ManifestFault, SignedManifest};
pub use record::Retention;
pub use rule::{Days, InvalidDays, RetentionRules, TooManyMissions, feed_removal};
