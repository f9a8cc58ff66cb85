//! Which history of the deployment this is.

use async_trait::async_trait;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::ports::{EpochRepository, StoreUnavailable};

use crate::MemoryStore;

#[async_trait]
impl EpochRepository for MemoryStore {
    async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
        Ok(self.state().epoch)
    }

    async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable> {
        let mut state = self.state();
        if state.epoch.is_none() || state.epoch == known {
            state.epoch = Some(next);
        }
        Ok(state.epoch.unwrap_or(next))
    }

    async fn exchange_mark(
        &self,
        replica: String,
        known: Vec<StoreMark>,
        next: StoreMark,
    ) -> Result<bool, StoreUnavailable> {
        let mut state = self.state();
        let mine = known.is_empty() || state.marks.get(&replica).is_some_and(|mark| known.contains(mark));
        if mine {
            state.marks.insert(replica, next);
        }
        Ok(mine)
    }
}
