//! Whether a write would succeed now, tested with a write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::ports::{FleetFeed, Hindrance, ReadCopy, Readiness, StoreUnavailable};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a result is valid: the store is tried once in this time, however many callers ask.
const HOLDS: Duration = Duration::from_secs(1);
/// A store that does not answer within this time is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Used without a check of the store: the store is ready when it answers.
pub(crate) struct Answers(pub(crate) Arc<dyn FleetFeed>);

#[async_trait]
impl Readiness for Answers {
    async fn ready(&self) -> Result<(), StoreUnavailable> {
        self.0.head().await.map(drop)
    }
}

/// The reason, in a sentence for the caller.
pub(crate) type Why = &'static str;

/// Tries the store for all callers.
pub(crate) struct Probe {
    readiness: Arc<dyn Readiness>,
    runtime: Handle,
    /// The copy of the store that is read beside it, if there is one.
    copy: Option<Arc<dyn ReadCopy>>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    /// The newest result, and its time.
    found: Option<(Instant, Result<(), Why>)>,
    /// An attempt that has not ended yet. There is never a second one, so that a hanging store gets no more load.
    running: Option<JoinHandle<Result<(), Why>>>,
}

impl Probe {
    /// Attempts run on the given runtime, for every caller.
    pub(crate) fn new(readiness: Arc<dyn Readiness>, runtime: Handle) -> Self {
        Self { readiness, runtime, copy: None, last: Mutex::default() }
    }

    /// Tells of a copy of the store, too. The server is as ready without it.
    pub(crate) fn beside(self, copy: Option<Arc<dyn ReadCopy>>) -> Self {
        Self { copy, ..self }
    }

    /// Whether the copy is read, or why not.
    pub(crate) fn copy(&self) -> Option<&'static str> {
        self.copy.as_ref().map(|copy| copy.state().as_str())
    }

    /// Gives the newest result; makes a new attempt if the result is too old.
    pub(crate) async fn ready(&self) -> Result<(), Why> {
        let mut last = self.last.lock().await;
        if let Some((at, found)) = last.found
            && at.elapsed() < HOLDS
        {
            return found;
        }
        let running = last.running.get_or_insert_with(|| {
            let readiness = Arc::clone(&self.readiness);
            self.runtime.spawn(async move { readiness.ready().await.map_err(|error| told(&error)) })
        });
        let found = match tokio::time::timeout(PATIENCE, running).await {
            Ok(came) => {
                last.running = None;
                came.unwrap_or(Err("the database could not be tried: the attempt panicked"))
            }
            Err(_late) => Err("the database cannot be written: it gave no answer within 2 seconds"),
        };
        last.found = Some((Instant::now(), found));
        found
    }
}

/// The cause goes to the log; the caller gets what an operator can act on.
fn told(error: &StoreUnavailable) -> Why {
    let why = match error.hindrance() {
        Hindrance::DiskFull => "the database cannot be written: the disk is full",
        Hindrance::ReadOnly => "the database cannot be written: it is read-only",
        // A probe asks the store alone.
        Hindrance::Archive | Hindrance::Other => "the database cannot be written; the log has the cause",
    };
    let cause: &dyn std::error::Error = error;
    tracing::warn!(cause, "not ready: {why}");
    why
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is tried, and answers when it is let go.
    struct Counted {
        tried: AtomicUsize,
        gate: tokio::sync::Semaphore,
        hindrance: Option<Hindrance>,
    }

    impl Counted {
        fn probe(permits: usize, hindrance: Option<Hindrance>) -> (Arc<Self>, Arc<Probe>) {
            let gate = tokio::sync::Semaphore::new(permits);
            let counted = Arc::new(Self { tried: AtomicUsize::new(0), gate, hindrance });
            let probe = Probe::new(counted.clone(), Handle::current());
            (counted, Arc::new(probe))
        }

        fn tried(&self) -> usize {
            self.tried.load(Ordering::Relaxed)
        }
    }

    #[async_trait]
    impl Readiness for Counted {
        async fn ready(&self) -> Result<(), StoreUnavailable> {
            self.tried.fetch_add(1, Ordering::Relaxed);
            self.gate.acquire().await.expect("open").forget();
            self.hindrance.map_or(Ok(()), |hindrance| Err(StoreUnavailable::new("made up").hindered(hindrance)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_make_one_attempt_a_second() {
        let (counted, probe) = Counted::probe(10, None);
        for round in 1..=3 {
            let all = (0..50).map(|_| probe.ready());
            assert!(futures_util::future::join_all(all).await.into_iter().all(|found| found.is_ok()));
            assert_eq!(counted.tried(), round);
            tokio::time::advance(HOLDS).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_not_ready_and_not_tried_again_before_it_answers() {
        let (counted, probe) = Counted::probe(0, None);
        for _ in 0..3 {
            let why = probe.ready().await.expect_err("it hangs");
            assert!(why.contains("no answer within 2 seconds"), "{why}");
            tokio::time::advance(HOLDS).await;
        }
        assert_eq!(counted.tried(), 1);
        counted.gate.add_permits(10);
        probe.ready().await.expect("it answers again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_operator_can_act_on_is_told() {
        for (hindrance, told) in [(Hindrance::DiskFull, "the disk is full"), (Hindrance::ReadOnly, "it is read-only")] {
            let (_, probe) = Counted::probe(1, Some(hindrance));
            assert!(probe.ready().await.expect_err("hindered").ends_with(told));
        }
    }
}
