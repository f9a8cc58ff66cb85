//! Rows of `retention` and `archived_sessions`.

use diesel::QueryableByName;
use flightdeck_domain::ids::{CommandSeq, Seq};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::provider_config::Changed;
use flightdeck_domain::retention::{ArchiveObject, ArchivedSession, ObjectDigest, ObjectName, Retention};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::{archived_sessions, retention};
use crate::values::{Id, moment};

row! {
    /// The rules of retention.
    #[diesel(table_name = retention)]
    pub struct RetentionRow {
        rules: String,
        revision: i64,
        changed_by: Option<String>,
        changed_at: Option<i64>,
        lease: String,
    }
}

impl TryFrom<RetentionRow> for Retention {
    type Error = BrokenRow;

    fn try_from(row: RetentionRow) -> Result<Self, BrokenRow> {
        row.read().map_err(|fault| fault.of("retention", "1".to_owned()))
    }
}

impl RetentionRow {
    fn read(self) -> Result<Retention, Fault> {
        let by = maybe(self.changed_by, |by| serde_json::from_value::<Actor>(by.into())).column("changed_by")?;
        let at = maybe(self.changed_at, moment).column("changed_at")?;
        Ok(Retention {
            rules: serde_json::from_str(&self.rules).column("rules")?,
            revision: u64::try_from(self.revision).column("revision")?,
            changed: by.zip(at).map(|(by, at)| Changed { by, at }),
            lease: serde_json::from_str(&self.lease).column("lease")?,
        })
    }
}

row! {
    /// A session whose conversation is in the archive.
    #[diesel(table_name = archived_sessions)]
    pub struct ArchivedRow {
        session_id: Id,
        archived_at: i64,
        object: String,
        digest: String,
        bytes: i64,
        messages: i64,
        commands: i64,
        manifest: String,
        removed_messages: i64,
        removed_commands: i64,
    }
}

impl TryFrom<ArchivedRow> for ArchivedSession {
    type Error = BrokenRow;

    fn try_from(row: ArchivedRow) -> Result<Self, BrokenRow> {
        let session = row.session_id;
        row.read().map_err(|fault| fault.of("archived_sessions", session.to_string()))
    }
}

impl ArchivedRow {
    fn read(self) -> Result<ArchivedSession, Fault> {
        Ok(ArchivedSession {
            session: self.session_id.try_into().column("session_id")?,
            archived_at: moment(self.archived_at).column("archived_at")?,
            object: ArchiveObject {
                name: ObjectName::new(self.object).column("object")?,
                digest: ObjectDigest::new(self.digest).column("digest")?,
                bytes: u64::try_from(self.bytes).column("bytes")?,
                messages: Seq::from_i64(self.messages).column("messages")?,
                commands: CommandSeq::from_i64(self.commands).column("commands")?,
            },
            manifest: ObjectName::new(self.manifest).column("manifest")?,
            removed_messages: Seq::from_i64(self.removed_messages).column("removed_messages")?,
            removed_commands: CommandSeq::from_i64(self.removed_commands).column("removed_commands")?,
        })
    }
}

/// A sum of bytes.
#[derive(Debug, QueryableByName)]
pub struct BytesRow {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    bytes: i64,
}

impl BytesRow {
    /// The sum.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.bytes).unwrap_or_default()
    }
}
