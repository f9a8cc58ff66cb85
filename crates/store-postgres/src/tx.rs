//! Transactions: the domain's scripts, run in tasks of the store.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{AppendError, AppendOutcome, Rows, StoreUnavailable, Transactional, Work};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::append::Append;
use crate::transaction::Transaction;

impl Transactional for PostgresStore {
    type Tx = Transaction;

    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut Transaction) -> Work<'a, T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static,
    {
        self.groups.write(work).await
    }

    async fn read<T, F>(&self, work: F) -> Rows<T>
    where
        F: for<'a> Fn(&'a mut Transaction) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.database.look(work).await
    }

    async fn read_moment<T, F>(&self, work: F) -> Rows<T>
    where
        F: for<'a> Fn(&'a mut Transaction) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.database.look_at_moment(work).await
    }

    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.appends.append(Append { session, batch, at }).await
    }
}
