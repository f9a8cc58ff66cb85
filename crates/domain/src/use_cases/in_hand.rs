//! Spooled actions whose first attempt is still running.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::audit::{Fate, SpooledAction};
use crate::ports::{AuditSpool, StoreUnavailable, Waiting};

/// The ids of the actions that this process is trying to do.
#[derive(Clone, Default)]
pub(super) struct InHand(Arc<Mutex<HashSet<Uuid>>>);

impl InHand {
    /// Keeps others from completing an action until the returned guard is dropped.
    pub(super) fn hold(&self, id: Uuid) -> Held {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        Held { in_hand: self.clone(), id }
    }
}

/// See [`InHand::hold`].
pub(super) struct Held {
    in_hand: InHand,
    id: Uuid,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_hand.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// The spool for readers that complete its actions. It ends before the first action that is still being tried, because
/// the order is kept.
pub(super) struct LetGo {
    pub(super) spool: Arc<dyn AuditSpool>,
    pub(super) in_hand: InHand,
}

#[async_trait]
impl AuditSpool for LetGo {
    async fn keep(&self, action: SpooledAction) -> Result<(), StoreUnavailable> {
        self.spool.keep(action).await
    }

    async fn settle(&self, id: Uuid, fate: Fate) -> Result<(), StoreUnavailable> {
        self.spool.settle(id, fate).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreUnavailable> {
        let waiting = self.spool.waiting().await?;
        let held = self.in_hand.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(waiting.into_iter().take_while(|waiting| !held.contains(&waiting.action.id)).collect())
    }

    async fn remove(&self, id: Uuid) -> Result<(), StoreUnavailable> {
        self.spool.remove(id).await
    }
}
