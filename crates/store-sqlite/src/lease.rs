//! Leases: sessions are lost, and come back.

use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::session::{Session, Silence};
use flightdeck_domain::time::Timestamp;

use crate::SqliteStore;
use crate::error::StoreError;
use crate::session::write_change;
use crate::tables::sessions;

impl SqliteStore {
    /// Looks with a reader, so that a look that finds nobody costs the writer nothing. The rule is asked again by the
    /// writer, in the transaction that writes.
    pub(crate) async fn lose_silent(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable> {
        let asked = silence.clone();
        let suspects = self.readers.read(move |connection| sessions::silent(connection, &asked, limit)).await?;
        if suspects.is_empty() {
            return Ok(Vec::new());
        }
        let lost = self.writer.write(move |connection| {
            let mut lost = Vec::new();
            for id in suspects {
                let session = sessions::get(connection, id)?;
                if let Some(change) = session.and_then(|session| session.lose(&silence)) {
                    write_change(connection, &change)?;
                    lost.push(change.session);
                }
            }
            Ok::<_, StoreError>(lost)
        });
        Ok(lost.await?)
    }
}

/// Brings a session back by a sign of life, when it was lost.
pub(crate) fn come_back(
    connection: &mut SqliteConnection,
    session: &Session,
    at: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let Some(change) = session.come_back(at) else { return Ok(None) };
    write_change(connection, &change)?;
    Ok(Some(change.session))
}
