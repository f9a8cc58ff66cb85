//! The store of one server of several, which breaks off on purpose.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{AuditSeq, FeedPosition, SessionId};
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, AuditFilter, AuditHeadError, AuditLog, AuditLogError, EpochRepository, FleetFeed, Rows,
    StoreUnavailable, Transactional, Work,
};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::transactions::{Brittle, Fuse, Waited, append, at_once};

use crate::{MemoryStore, State};

/// What goes wrong.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Burns with each operation, of whichever transaction, and with each commit, before it. What breaks off leaves nothing.
    pub operations: Fuse,
    /// Burns with each transaction that has written and is committed. When it breaks, what was written stays, and whoever
    /// wrote it does not learn that.
    pub commits: Fuse,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self { operations: Fuse::never(), commits: Fuse::never() }
    }
}

/// A way to a [`MemoryStore`] that others have their own ways to. Its transactions break off by [`Faults`].
///
/// Each transaction and each read lets others go first, once, by being pending; so calls that are polled in turn interleave
/// between their transactions as those of several servers do. What hangs is undone and pending for ever: whoever polls it may
/// drop it, and has then crashed at that place.
#[derive(Debug)]
pub struct FaultyStore {
    store: Arc<MemoryStore>,
    faults: Mutex<Faults>,
}

impl FaultyStore {
    /// A way on which nothing goes wrong yet.
    #[must_use]
    pub fn new(store: Arc<MemoryStore>) -> Self {
        Self { store, faults: Mutex::new(Faults::none()) }
    }

    /// From now on these go wrong.
    pub fn meet(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs a script on the state as a transaction with a fuse. A script that panics takes the state with it.
    fn transact<T, E: From<StoreUnavailable>>(
        &self,
        fuse: &Fuse,
        work: impl FnOnce(&mut Brittle<State>) -> Work<'_, T, E>,
    ) -> Result<Result<T, E>, Waited> {
        let mut state = self.store.state();
        let mut tx = Brittle::new(std::mem::take(&mut *state), fuse.clone());
        let done = at_once(work(&mut tx));
        *state = tx.into_inner();
        // The commit may be what breaks off.
        let done = match done {
            Ok(Ok(done)) => at_once(fuse.step()).map(|committed| committed.map(|()| done).map_err(E::from)),
            broken => broken,
        };
        if matches!(done, Ok(Ok(_))) {
            state.keep();
        } else {
            state.undo();
        }
        done
    }

    async fn change<T, E>(&self, work: impl FnOnce(&mut Brittle<State>) -> Work<'_, T, E> + Send) -> Result<T, E>
    where
        T: Send,
        E: From<StoreUnavailable> + Send,
    {
        give_way().await;
        let faults = self.faults();
        match self.transact(&faults.operations, work) {
            Ok(Ok(done)) => {
                faults.commits.step().await?;
                Ok(done)
            }
            Ok(Err(error)) => Err(error),
            Err(Waited) => pending().await,
        }
    }

    /// The store itself, for a read of one operation.
    async fn reached(&self) -> Rows<&MemoryStore> {
        give_way().await;
        self.faults().operations.step().await?;
        Ok(&self.store)
    }
}

/// Lets others go first, once.
async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Transactional for FaultyStore {
    type Tx = Brittle<State>;

    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static,
    {
        self.change(work).await
    }

    async fn read<T, F>(&self, work: F) -> Rows<T>
    where
        F: for<'a> Fn(&'a mut Self::Tx) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        give_way().await;
        match self.transact(&self.faults().operations, work) {
            Ok(done) => done,
            Err(Waited) => pending().await,
        }
    }

    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.change(move |tx| Box::pin(append(tx, session, batch, at))).await
    }
}

#[async_trait]
impl FleetFeed for FaultyStore {
    async fn after(&self, after: FeedPosition, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        self.reached().await?.after(after, limit).await
    }

    async fn receipts(
        &self,
        session: SessionId,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        self.reached().await?.receipts(session, after, limit).await
    }

    async fn newest_receipts(&self, session: SessionId, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        self.reached().await?.newest_receipts(session, limit).await
    }

    async fn receipt_heads(
        &self,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable> {
        self.reached().await?.receipt_heads(sessions).await
    }

    async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
        FleetFeed::head(self.reached().await?).await
    }
}

#[async_trait]
impl AuditLog for FaultyStore {
    async fn page(
        &self,
        filter: AuditFilter,
        before: Option<AuditSeq>,
        limit: usize,
    ) -> Result<Vec<SealedAuditEntry>, StoreUnavailable> {
        self.reached().await?.page(filter, before, limit).await
    }

    async fn walk(&self, after: AuditSeq, limit: usize) -> Result<Vec<SealedAuditEntry>, AuditLogError> {
        self.reached().await?.walk(after, limit).await
    }

    async fn head(&self) -> Result<AuditHead, AuditHeadError> {
        AuditLog::head(self.reached().await?).await
    }

    async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpoint, StoreUnavailable> {
        self.reached().await?.keep_checkpoint(checkpoint).await
    }

    async fn checkpoints(&self, after: AuditSeq, limit: usize) -> Result<Vec<Checkpoint>, AuditLogError> {
        self.reached().await?.checkpoints(after, limit).await
    }

    async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreUnavailable> {
        self.reached().await?.newest_checkpoint().await
    }
}

#[async_trait]
impl EpochRepository for FaultyStore {
    async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
        self.reached().await?.epoch().await
    }

    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable> {
        self.reached().await?.renew_epoch(known, next).await
    }

    async fn exchange_mark(
        &self,
        replica: String,
        known: Vec<StoreMark>,
        next: StoreMark,
    ) -> Result<bool, StoreUnavailable> {
        self.reached().await?.exchange_mark(replica, known, next).await
    }
}
