//! Leases: sessions are lost, and come back.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::session::{Session, Silence};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::locks;
use crate::session::write_change;
use crate::tables::sessions;

impl PostgresStore {
    /// Looks without a lock, so that a look that finds nobody holds up nobody. The rule is asked again under the locks, in
    /// the transaction that writes.
    pub(crate) async fn lose_silent(&self, silence: Silence, limit: usize) -> Result<Vec<Session>, StoreUnavailable> {
        let asked = silence.clone();
        let suspects = on!(self.read, (asked, limit), |connection| sessions::silent(connection, asked, *limit)).await?;
        if suspects.is_empty() {
            return Ok(Vec::new());
        }
        let lost: Result<_, StoreError> = on!(self.write, (suspects, silence), |tx| lose(tx, suspects, silence)).await;
        Ok(lost?)
    }
}

async fn lose(tx: &mut Transaction, suspects: &[SessionId], silence: &Silence) -> Result<Vec<Session>, StoreError> {
    locks::sessions(tx, suspects).await?;
    locks::operations_of(tx, suspects).await?;
    let mut lost = Vec::new();
    for id in suspects {
        let session = sessions::get(tx, *id).await?;
        if let Some(change) = session.and_then(|session| session.lose(silence)) {
            write_change(tx, &change).await?;
            lost.push(change.session);
        }
    }
    Ok(lost)
}

/// Brings a session back by a sign of life, when it was lost. The caller has its lock.
pub(crate) async fn come_back(
    tx: &mut Transaction,
    session: &Session,
    at: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let Some(change) = session.come_back(at) else { return Ok(None) };
    write_change(tx, &change).await?;
    Ok(Some(change.session))
}
