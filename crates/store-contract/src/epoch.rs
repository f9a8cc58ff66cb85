//! Which history it is: [`flightdeck_domain::ports::EpochRepository`].

use flightdeck_domain::epoch::{Epoch, StoreMark};
use uuid::Uuid;

use crate::steps::together;
use crate::{Harness, Store};

const fn epoch(n: u32) -> Epoch {
    Epoch::new(n)
}

fn mark(n: u128) -> StoreMark {
    StoreMark::new(Uuid::from_u128(n))
}

async fn renew(store: &dyn Store, known: Option<Epoch>, next: u32) -> Epoch {
    store.renew_epoch(known, epoch(next)).await.expect("renewed")
}

async fn exchange(store: &dyn Store, replica: &str, known: &[StoreMark], next: StoreMark) -> bool {
    store.exchange_mark(replica.to_owned(), known.to_vec(), next).await.expect("asked")
}

/// Only the known one is replaced; whoever comes later hears of the one that holds.
pub async fn an_epoch_is_renewed_by_whoever_knows_it(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.epoch().await.expect("read"), None);
    assert_eq!(renew(&*store, None, u32::MAX).await, epoch(u32::MAX));
    assert_eq!(renew(&*store, None, 2).await, epoch(u32::MAX), "there is one already");
    assert_eq!(renew(&*store, Some(epoch(7)), 3).await, epoch(u32::MAX), "another one holds");
    assert_eq!(renew(&*store, Some(epoch(u32::MAX)), 0).await, epoch(0));
    assert_eq!(store.epoch().await.expect("read"), Some(epoch(0)));
}

/// Of many that renew the same one, one does, and all hear of it.
pub async fn one_of_many_racing_renewals_counts(harness: &dyn Harness) {
    for known in [None, Some(epoch(1))] {
        let store = harness.store();
        let heard = together(8, |n| {
            let store = harness.store();
            async move { renew(&*store, known, n + 10 + known.map_or(0, Epoch::get) * 100).await }
        })
        .await;
        let holds = store.epoch().await.expect("read");
        assert!(heard.iter().all(|one| Some(*one) == holds), "{heard:?} while {holds:?} holds");
        renew(&*store, holds, 1).await;
    }
}

/// A mark is exchanged by whoever left it.
pub async fn a_mark_is_exchanged_by_whoever_left_it(harness: &dyn Harness) {
    let store = harness.store();
    assert!(!exchange(&*store, "a", &[mark(1)], mark(2)).await, "nobody was here");
    assert!(exchange(&*store, "a", &[], mark(1)).await);
    assert!(exchange(&*store, "b", &[], mark(9)).await);
    assert!(exchange(&*store, "a", &[mark(1)], mark(2)).await);
    assert!(!exchange(&*store, "a", &[mark(1)], mark(3)).await, "it went on");
    assert!(!exchange(&*store, "a", &[mark(9)], mark(3)).await, "that is another's");
    assert!(exchange(&*store, "a", &[mark(7), mark(2)], mark(3)).await, "one of them is enough");
    assert!(exchange(&*store, "a", &[], mark(4)).await, "whatever there is");
    assert!(exchange(&*store, "a", &[mark(4)], mark(5)).await);
    assert!(exchange(&*store, "b", &[mark(9)], mark(8)).await, "nobody touched it");
}
