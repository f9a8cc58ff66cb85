//! The vital signs of a process: its long-lived tasks and threads, by name.
//!
//! A worker that panics is logged as an error, counted, and started again after a short pause that grows with each panic. One
//! that panics too often, or that cannot be started again, is [`lost`](Vitals::lost): whoever runs the process ends it then,
//! for it must not go on half alive. While a worker is down, the process is not ready.
//!
//! *Invariant.* Every task and thread that is to live longer than one request is started here. Several workers of one kind
//! (the readers of a store, the tails of logs) share a name.
//!
//! # What does not belong here
//! What workers do. A worker is a closure that can be called again: whatever is to outlive a panic (a queue, a position)
//! belongs to the closure, and what a panic may have left half done belongs to what it makes.

mod caught;
mod injected;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::caught::Caught;

/// So many panics of one name within [`WINDOW`] are too many.
const TOO_MANY: usize = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// The pause after the first panic; it doubles with each further one of the last minute.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What a thread's work comes to: an error counts like a panic.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// How the workers of one name are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Their name.
    pub name: &'static str,
    /// How often one of them has panicked since the start of the process.
    pub panics: u64,
    /// How many of them are down at the moment.
    pub down: usize,
}

/// The workers of one process. A clone is another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct Vitals {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    workers: Mutex<BTreeMap<&'static str, Record>>,
    lost: watch::Sender<Option<&'static str>>,
}

#[derive(Debug, Default)]
struct Record {
    panics: u64,
    down: usize,
    recent: VecDeque<Instant>,
}

impl Vitals {
    /// Those of this process. There is one process, as there is one log: so the parts of a server need not be handed it.
    #[must_use]
    pub fn process() -> &'static Self {
        static PROCESS: LazyLock<Vitals> = LazyLock::new(Vitals::default);
        &PROCESS
    }

    /// How all workers are that were ever started, by name.
    #[must_use]
    pub fn report(&self) -> Vec<Worker> {
        let worker =
            |(name, record): (&&'static str, &Record)| Worker { name, panics: record.panics, down: record.down };
        self.lock().iter().map(worker).collect()
    }

    /// Waits until a worker is lost for good, and gives its name. The process is to end then.
    pub async fn lost(&self) -> &'static str {
        let mut lost = self.shared.lost.subscribe();
        let found = lost.wait_for(Option::is_some).await.ok().and_then(|name| *name);
        match found {
            Some(name) => name,
            // Cannot happen: the sender is ours.
            None => std::future::pending().await,
        }
    }

    /// Keeps a task at work on a runtime until it ends by itself, which gives what it came to. `None` when it was lost.
    /// To abort the handle ends it.
    pub fn task<F, T>(&self, runtime: &Handle, name: &'static str, mut make: F) -> JoinHandle<Option<T::Output>>
    where
        F: FnMut() -> T + Send + 'static,
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        self.lock().entry(name).or_default();
        let vitals = self.clone();
        runtime.spawn(async move {
            loop {
                let work = catch_unwind(AssertUnwindSafe(&mut make)).map_err(|panic| caught::text(&*panic));
                let ended = match work {
                    Ok(work) => Caught::new(injected::into(name, work)).await,
                    Err(text) => Err(text),
                };
                match ended {
                    Ok(value) => return Some(value),
                    Err(text) => tokio::time::sleep(vitals.fell(name, &text)?).await,
                }
                vitals.rose(name);
            }
        })
    }

    /// Keeps a thread at work until its work ends in order.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn thread<F>(&self, name: &'static str, mut work: F) -> io::Result<thread::JoinHandle<()>>
    where
        F: FnMut() -> Outcome + Send + 'static,
    {
        self.lock().entry(name).or_default();
        let vitals = self.clone();
        // The system shows fifteen bytes of it.
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let text = match catch_unwind(AssertUnwindSafe(&mut work)) {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => whole(&*error),
                    Err(panic) => caught::text(&*panic),
                };
                let Some(pause) = vitals.fell(name, &text) else { return };
                thread::sleep(pause);
                vitals.rose(name);
            }
        })
    }

    /// Does work that belongs to one thing alone (an agent, say), and is not started again: its owner is told of a panic, by
    /// its text, and has to act on it.
    ///
    /// # Errors
    /// It panicked.
    pub async fn once<T>(&self, name: &'static str, work: impl Future<Output = T> + Send) -> Result<T, String> {
        self.lock().entry(name).or_default();
        let ended = Caught::new(injected::into(name, work)).await;
        if let Err(text) = &ended {
            let panics = {
                let mut workers = self.lock();
                let record = workers.entry(name).or_default();
                record.panics = record.panics.saturating_add(1);
                record.panics
            };
            tracing::error!(worker = name, panic = text, panics, "a worker panicked");
        }
        ended
    }

    /// Where a thread that waits for work has taken some: tests have it panic here. Does nothing in a release build.
    pub fn pulse(name: &'static str) {
        injected::pulse(name);
    }

    /// Notes a panic. The pause before the next attempt; `None` when there is to be none.
    fn fell(&self, name: &'static str, text: &str) -> Option<Duration> {
        let (panics, recent) = {
            let mut workers = self.lock();
            let record = workers.entry(name).or_default();
            record.panics = record.panics.saturating_add(1);
            record.down = record.down.saturating_add(1);
            record.recent.push_back(Instant::now());
            while record.recent.front().is_some_and(|at| at.elapsed() > WINDOW) {
                record.recent.pop_front();
            }
            (record.panics, record.recent.len())
        };
        if recent >= TOO_MANY {
            tracing::error!(worker = name, panic = text, panics, "a worker panicked too often, and is lost");
            self.shared.lost.send_replace(Some(name));
            return None;
        }
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(u32::try_from(recent.saturating_sub(1)).unwrap_or(u32::MAX));
        tracing::error!(worker = name, panic = text, panics, ?pause, "a worker panicked, and is started again");
        Some(pause)
    }

    fn rose(&self, name: &'static str) {
        if let Some(record) = self.lock().get_mut(name) {
            record.down = record.down.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Record>> {
        self.shared.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error with its causes in one line.
fn whole(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
