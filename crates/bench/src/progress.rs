//! Whether anything still moves. A server that stopped answering must end a run, not hang it.

use std::cell::Cell;
use std::time::Duration;

use crate::error::{BenchError, Outcome};

thread_local! {
    /// Everything runs on one thread, so a plain number will do.
    static MOVED: Cell<u64> = const { Cell::new(0) };
}

/// Notes that something came.
pub(crate) fn tick() {
    MOVED.set(MOVED.get().wrapping_add(1));
}

/// Waits for work to end, and gives it up when nothing at all has come for `patience`.
///
/// # Errors
/// What the work says, or that it stalled.
pub(crate) async fn watched<T>(patience: Duration, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let stalled = async {
        loop {
            let before = MOVED.get();
            tokio::time::sleep(patience).await;
            if MOVED.get() == before {
                return Err(BenchError::Stalled(patience.as_secs()));
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        stalled = stalled => stalled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_moves_is_given_up() {
        let never = std::future::pending::<Outcome<()>>();
        let given_up = tokio::time::timeout(Duration::from_mins(1), watched(Duration::from_millis(1), never));
        assert!(matches!(given_up.await, Ok(Err(BenchError::Stalled(0)))));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_moves_is_waited_for() {
        let slow = async {
            for _ in 0..50 {
                tick();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(7)
        };
        assert!(matches!(watched(Duration::from_mins(1), slow).await, Ok(7)));
    }
}
