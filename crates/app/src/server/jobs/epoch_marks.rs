//! Marks of the history that the store holds.

use std::time::Duration;

use flightdeck_domain::use_cases::KeepEpochError;

use super::world::{Ended, World};
use crate::server::error::ServeError;

/// Leaves a mark whenever something has moved, until the shutdown. When the store turns out to have gone back, it ends the
/// server by the shutdown, and says so. What was committed longer ago than the period is known to be missing after a restore
/// to a moment before it.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let World { keep_epoch: keep, current, hints, shutdown, .. } = world;
    let mut marked = hints.moves();
    loop {
        let stopping = tokio::select! {
            () = shutdown.cancelled() => true,
            () = tokio::time::sleep(every) => false,
        };
        let moved = hints.moves();
        let found =
            if stopping || moved != marked { keep.mark_again().await } else { keep.look().await.map_err(Into::into) };
        match found {
            Ok(epoch) => {
                current.set(epoch);
                marked = moved;
            }
            Err(KeepEpochError::WentBack) => {
                shutdown.cancel();
                return Err(ServeError::WentBack(KeepEpochError::WentBack));
            }
            Err(KeepEpochError::Unavailable(error)) => {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "no mark could be left in the store; trying again");
            }
        }
        if stopping {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use flightdeck_domain::epoch::{Epoch, StoreMark};
    use flightdeck_domain::ports::{EpochRepository, KnownStore, StoreMemory, StoreUnavailable};
    use flightdeck_domain::use_cases::{KeepEpoch, Providers};
    use flightdeck_http_api::CurrentEpoch;
    use flightdeck_live::Hints;
    use flightdeck_settings::{Flags, Settings, StorageSettings};
    use flightdeck_storage::{MarkFile, Witness, open_store};
    use tokio_util::sync::CancellationToken;

    use flightdeck_domain::guard::GuardLimits;

    use super::*;

    /// Away when it is asked first, and there from then on.
    #[derive(Default)]
    struct AwayAtFirst(AtomicU32);

    #[async_trait]
    impl EpochRepository for AwayAtFirst {
        async fn epoch(&self) -> Result<Option<Epoch>, StoreUnavailable> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Err(StoreUnavailable::new(std::io::Error::other("away"))),
                _ => Ok(Some(Epoch::new(7))),
            }
        }

        async fn renew_epoch(&self, _: Option<Epoch>, next: Epoch) -> Result<Epoch, StoreUnavailable> {
            Ok(next)
        }

        async fn exchange_mark(&self, _: String, _: Vec<StoreMark>, _: StoreMark) -> Result<bool, StoreUnavailable> {
            Ok(true)
        }
    }

    #[tokio::test]
    async fn a_store_that_was_away_is_looked_at_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let flags = Flags::default().with("data_dir", folder.path().to_str().map(ToOwned::to_owned));
        let settings = Settings::load(&flags, &std::collections::BTreeMap::new()).expect("settings");
        let storage = StorageSettings::read(&settings).expect("settings");
        let mut ports = open_store(&storage).await.expect("a store");
        ports.epochs = Arc::new(AwayAtFirst::default());
        let memory = Arc::new(MarkFile::new(folder.path()));
        memory.remember(KnownStore { epoch: Epoch::new(7), marks: Vec::new() }).await.expect("written");
        let (current, shutdown) = (CurrentEpoch::default(), CancellationToken::new());
        let world = World {
            keep_epoch: KeepEpoch::new(&ports, memory, "here".to_owned()),
            ports,
            providers: Providers::default(),
            hints: Arc::new(Hints::default()),
            current: current.clone(),
            witness: Arc::new(Witness::of(&storage)),
            is_shared: false,
            replica: flightdeck_domain::text::ReplicaName::new("r1").expect("valid"),
            public_url: None,
            copy: None,
            retention_interval: None,
            space: None,
            checkpoint_interval: None,
            guard_limits: GuardLimits::default(),
            signs: None,
            traces: None,
            shutdown: shutdown.clone(),
        };
        let marking = tokio::spawn(run(Duration::from_millis(1), world));
        while current.get() != Epoch::new(7) {
            assert!(!marking.is_finished(), "it goes on");
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
        assert!(matches!(marking.await, Ok(Ok(()))));
    }
}
