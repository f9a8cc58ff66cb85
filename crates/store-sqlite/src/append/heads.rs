//! The heads of sessions that were appended to lately, so that a busy conversation is not read again with each message.
//!
//! *Invariant.* A head that is here is what the table says. The writer is the only one in this process that changes
//! sessions, and forgets all heads with every piece of work that is no append decided together, and with whatever is rolled
//! back; other processes are noticed by SQLite's own count of what others committed (`PRAGMA data_version`), which is asked
//! for once in each transaction.

use std::collections::HashMap;

use diesel::query_dsl::RunQueryDsl;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Control;
use flightdeck_domain::session::Session;
use flightdeck_store_sql::rows::number::Number;
use flightdeck_store_sql::statement::Prepared;

use crate::error::StoreError;

/// So many are kept; a few hundred bytes each. Beyond it all are forgotten.
const MOST: usize = 4_096;

/// What has to be known of a session to append to it.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) session: Session,
    pub(crate) control: Control,
}

/// The heads that are known.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// What others had committed when they were read.
    version: Option<u64>,
    known: HashMap<SessionId, Head>,
}

impl Heads {
    /// Forgets all of them if somebody else has written since. To be called at the beginning of each transaction that
    /// writes: from there on nobody else can.
    pub(crate) fn look_at_others(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let version: Number =
            Prepared::new("SELECT data_version AS n FROM pragma_data_version", []).get_result(connection)?;
        let version = version.count();
        if self.version != Some(version) {
            self.forget();
            self.version = Some(version);
        }
        Ok(())
    }

    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// Takes a head out; it is put back as it is then.
    pub(crate) fn take(&mut self, id: SessionId) -> Option<Head> {
        self.known.remove(&id)
    }

    pub(crate) fn put(&mut self, head: Head) {
        if self.known.len() >= MOST {
            self.forget();
        }
        self.known.insert(head.session.id, head);
    }
}
