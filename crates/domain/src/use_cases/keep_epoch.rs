//! Detects a store that went back to an earlier moment, and gives its history a new name.

use std::sync::Arc;

use super::Has;
use crate::epoch::{Epoch, StoreMark};
use crate::ports::{EpochRepository, IdGenerator, KnownStore, StoreMemory, StoreUnavailable};

/// The result of the check at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundEpoch {
    /// The current epoch.
    pub epoch: Epoch,
    /// Whether the store had gone back, so that the epoch is new.
    pub went_back: bool,
}

/// Why the server cannot continue with the store.
#[derive(Debug, thiserror::Error)]
pub enum KeepEpochError {
    /// The store is not as this server left it: what the server has in memory belongs to another history.
    #[error("the store went back to an earlier moment while this server was running on it")]
    WentBack,
    /// The store, or the memory beside it, is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Writes a mark to the store from time to time, and remembers it elsewhere. If the store no longer has the mark, it
/// was restored to an earlier moment, and places are assigned twice. Then the epoch is renewed.
#[derive(Clone)]
pub struct KeepEpoch {
    epochs: Arc<dyn EpochRepository>,
    ids: Arc<dyn IdGenerator>,
    memory: Arc<dyn StoreMemory>,
    replica: String,
}

impl KeepEpoch {
    /// Takes the ports it needs; `replica` names the server among those that share the store.
    #[must_use]
    pub fn new<P>(ports: &P, memory: Arc<dyn StoreMemory>, replica: String) -> Self
    where
        P: Has<dyn EpochRepository> + Has<dyn IdGenerator>,
    {
        Self { epochs: ports.port(), ids: ports.port(), memory, replica }
    }

    /// At the start, before anything is served.
    ///
    /// # Errors
    /// The store is not available, or the memory beside it.
    pub async fn begin(&self) -> Result<FoundEpoch, StoreUnavailable> {
        let known = self.memory.known().await?;
        let stored = self.epochs.epoch().await?;
        let marks = known.as_ref().map(|known| known.marks.clone()).unwrap_or_default();
        let next = self.mark();
        // Remembered before it is left: whatever happens between the two, one of the marks is there.
        let epoch = known.as_ref().map(|known| known.epoch).or(stored).unwrap_or_default();
        self.memory.remember(KnownStore { epoch, marks: [marks.clone(), vec![next]].concat() }).await?;
        let kept = self.epochs.exchange_mark(self.replica.clone(), marks, next).await?;
        let epoch = match stored {
            Some(epoch) if kept => epoch,
            _ => self.renew(stored).await?,
        };
        if !kept {
            self.epochs.exchange_mark(self.replica.clone(), Vec::new(), next).await?;
        }
        self.memory.remember(KnownStore { epoch, marks: vec![next] }).await?;
        Ok(FoundEpoch { epoch, went_back: !kept })
    }

    /// Exchanges the mark: a restore to an earlier moment is detected at the next start. Gives the current epoch, which
    /// another server may have renewed.
    ///
    /// # Errors
    /// See [`KeepEpochError`].
    pub async fn mark_again(&self) -> Result<Epoch, KeepEpochError> {
        let Some(known) = self.memory.known().await? else { return Err(KeepEpochError::WentBack) };
        let next = self.mark();
        self.memory.remember(KnownStore { marks: [known.marks.clone(), vec![next]].concat(), ..known }).await?;
        if !self.epochs.exchange_mark(self.replica.clone(), known.marks, next).await? {
            return Err(KeepEpochError::WentBack);
        }
        let epoch = self.epochs.epoch().await?.unwrap_or(known.epoch);
        self.memory.remember(KnownStore { epoch, marks: vec![next] }).await?;
        Ok(epoch)
    }

    /// Gives the current epoch, without writing a mark.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn look(&self) -> Result<Epoch, StoreUnavailable> {
        Ok(self.epochs.epoch().await?.unwrap_or_default())
    }

    /// Gives the history a new name, because an operator says that the store went back.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn renew_now(epochs: &dyn EpochRepository, ids: &dyn IdGenerator) -> Result<Epoch, StoreUnavailable> {
        let stored = epochs.epoch().await?;
        epochs.renew_epoch(stored, Epoch::from_random(ids.random_bytes())).await
    }

    async fn renew(&self, stored: Option<Epoch>) -> Result<Epoch, StoreUnavailable> {
        self.epochs.renew_epoch(stored, Epoch::from_random(self.ids.random_bytes())).await
    }

    fn mark(&self) -> StoreMark {
        StoreMark::new(self.ids.uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use uuid::Uuid;

    use super::*;
    use crate::ports::MockIdGenerator;
    use crate::use_cases::testing::MockPorts;

    /// A store and a memory that can be set back, copied and cut off at any step.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct World {
        epoch: Option<Epoch>,
        mark: Option<StoreMark>,
        known: Option<KnownStore>,
        /// How many writes still succeed.
        left: Option<usize>,
    }

    #[derive(Default)]
    struct Shared(Mutex<World>);

    impl Shared {
        fn write(&self, change: impl FnOnce(&mut World)) -> Result<(), StoreUnavailable> {
            let mut world = self.0.lock().expect("not poisoned");
            match &mut world.left {
                Some(0) => return Err(StoreUnavailable::new("cut off")),
                Some(left) => *left -= 1,
                None => {}
            }
            change(&mut world);
            Ok(())
        }

        fn world(&self) -> World {
            self.0.lock().expect("not poisoned").clone()
        }
    }

    #[async_trait]
    impl EpochRepository for Shared {
        async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
            Ok(self.world().epoch)
        }

        async fn renew_epoch(&self, known: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable> {
            self.write(|world| {
                if world.epoch == known {
                    world.epoch = Some(next);
                }
            })?;
            Ok(self.world().epoch.unwrap_or_default())
        }

        async fn exchange_mark(
            &self,
            _replica: String,
            known: Vec<StoreMark>,
            next: StoreMark,
        ) -> Result<bool, StoreUnavailable> {
            let mine = known.is_empty() || self.world().mark.is_some_and(|mark| known.contains(&mark));
            self.write(|world| {
                if mine {
                    world.mark = Some(next);
                }
            })?;
            Ok(mine)
        }
    }

    #[async_trait]
    impl StoreMemory for Shared {
        async fn known(&self) -> Result<Option<KnownStore>, StoreUnavailable> {
            Ok(self.world().known)
        }

        async fn remember(&self, known: KnownStore) -> Result<(), StoreUnavailable> {
            self.write(|world| world.known = Some(known))
        }
    }

    fn keeper(shared: &Arc<Shared>) -> KeepEpoch {
        let mut ports = MockPorts::default().ports();
        ports.epochs = shared.clone();
        let counter = Arc::new(Mutex::new(u128::from(rand_base(shared))));
        let mut ids = MockIdGenerator::new();
        let count = Arc::clone(&counter);
        ids.expect_uuid().returning(move || {
            let mut count = count.lock().expect("not poisoned");
            *count += 1;
            Uuid::from_u128(*count)
        });
        ids.expect_random_bytes().returning(move || {
            let mut count = counter.lock().expect("not poisoned");
            *count += 1;
            [u8::try_from(*count % 251).expect("small"); 32]
        });
        ports.ids = Arc::new(ids);
        KeepEpoch::new(&ports, shared.clone(), "one".to_owned())
    }

    /// Every keeper of a test mints ids of its own.
    fn rand_base(shared: &Shared) -> u64 {
        let world = shared.world();
        let newest = |mark: &StoreMark| mark.as_uuid().as_u128();
        let marks = world.known.iter().flat_map(|known| &known.marks).chain(&world.mark).map(newest);
        u64::try_from(marks.max().unwrap_or(0)).expect("few") + 10
    }

    #[tokio::test]
    async fn a_restart_keeps_the_epoch() {
        let shared = Arc::new(Shared::default());
        let first = keeper(&shared).begin().await.expect("begun");
        assert!(!first.went_back);
        assert_eq!(keeper(&shared).mark_again().await.expect("marked"), first.epoch);
        assert_eq!(keeper(&shared).begin().await.expect("begun"), first);
    }

    #[tokio::test]
    async fn a_store_of_an_earlier_moment_gets_a_new_epoch_once() {
        let shared = Arc::new(Shared::default());
        let first = keeper(&shared).begin().await.expect("begun");
        let backup = shared.world();
        keeper(&shared).mark_again().await.expect("marked");
        shared.write(|world| (world.epoch, world.mark) = (backup.epoch, backup.mark)).expect("restored");
        let found = keeper(&shared).begin().await.expect("begun");
        assert!(found.went_back && found.epoch != first.epoch, "{found:?}");
        let again = keeper(&shared).begin().await.expect("begun");
        assert_eq!(again, FoundEpoch { went_back: false, ..found });
    }

    #[tokio::test]
    async fn a_store_from_before_the_first_mark_is_found_out_too() {
        let shared = Arc::new(Shared::default());
        let first = keeper(&shared).begin().await.expect("begun");
        shared.write(|world| world.mark = None).expect("restored");
        let found = keeper(&shared).begin().await.expect("begun");
        assert!(found.went_back && found.epoch != first.epoch);
    }

    #[tokio::test]
    async fn a_running_server_finds_it_out_and_changes_nothing() {
        let shared = Arc::new(Shared::default());
        keeper(&shared).begin().await.expect("begun");
        let backup = shared.world();
        keeper(&shared).mark_again().await.expect("marked");
        shared.write(|world| (world.epoch, world.mark) = (backup.epoch, backup.mark)).expect("restored");
        let refused = keeper(&shared).mark_again().await.expect_err("went back");
        assert!(matches!(refused, KeepEpochError::WentBack));
        assert!(keeper(&shared).begin().await.expect("begun").went_back, "the next start still knows");
    }

    /// A crash at any step is no restore.
    #[tokio::test]
    async fn a_crash_in_between_raises_no_alarm() {
        for steps in 0..8 {
            for marking in [false, true] {
                let shared = Arc::new(Shared::default());
                let first = keeper(&shared).begin().await.expect("begun");
                shared.write(|world| world.left = Some(steps)).expect("set");
                let keeper_that_crashes = keeper(&shared);
                if marking {
                    let _ = keeper_that_crashes.mark_again().await;
                } else {
                    let _ = keeper_that_crashes.begin().await;
                }
                shared.0.lock().expect("not poisoned").left = None;
                let found = keeper(&shared).begin().await.expect("begun");
                assert_eq!(found, first, "cut off after {steps} writes");
            }
        }
    }
}
