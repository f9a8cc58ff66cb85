//! Writes, many to a transaction.
//!
//! A commit waits for the disk, each statement for the network, and everybody for the heads of the feed and of the audit
//! log. So the writes of all callers stand in one line, and a few tasks take whatever queued while they were busy into one
//! transaction: the busier it is, the more a commit carries. Nobody waits for a group to fill up.
//!
//! Each write is a script of the domain, which knows nothing of the others: see [`hall`].
//!
//! *Invariants.* No caller is answered before the commit that holds its write. A script that is refused writes nothing and
//! does nothing to its neighbours. A group that fails is undone, and its members are done one by one. What locks many rows
//! (a kill, an action on a scope, budgets, keys) leaves the group before it has written anything and has a transaction of
//! its own, so nobody waits in line behind it. What is queued is done, whether or not its caller still waits.

mod facts;
mod hall;
mod seat;
pub(crate) mod sets;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_metrics::Meters;
use flightdeck_vitals::Vitals;
use tokio::sync::{Mutex, mpsc, oneshot};

pub(crate) use self::seat::{Ask, Seat};

use crate::database::{BoxFuture, Database};
use crate::error::{StoreError, is_lost, refusal};
use crate::settings::Options;
use crate::transaction::Transaction;

/// How a script ended in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What it wrote is to be kept.
    Kept,
    /// It gave an error, and wrote nothing.
    Refused,
    /// It has to have a transaction of its own.
    Alone,
    /// The database did not run a statement of it.
    Broken,
}

/// A script, and a caller that waits for what it comes to.
pub(crate) trait Job: Send {
    /// Runs it as a member of a group.
    fn join<'a>(&'a mut self, tx: &'a mut Transaction) -> BoxFuture<'a, Ended>;

    /// Tells the caller what it came to there.
    fn told(self: Box<Self>);

    /// Tells the caller that it failed.
    fn failed(self: Box<Self>, cause: StoreUnavailable);

    /// Runs it in a transaction of its own, and tells the caller.
    fn alone(self: Box<Self>, database: Database) -> BoxFuture<'static, ()>;
}

/// A script that is called from somewhere.
struct Call<T, E, F> {
    script: F,
    came_to: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Call<T, E, F>
where
    F: for<'a> Fn(&'a mut Transaction) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    T: Send + 'static,
    E: From<StoreUnavailable> + std::error::Error + Send + 'static,
{
    fn join<'a>(&'a mut self, tx: &'a mut Transaction) -> BoxFuture<'a, Ended> {
        Box::pin(async move {
            let came_to = (self.script)(tx).await;
            let ended = match &came_to {
                Ok(_) => Ended::Kept,
                Err(error) if refusal(error).is_some() => {
                    tx.0.line.note(error);
                    Ended::Broken
                }
                Err(_) => Ended::Refused,
            };
            self.came_to = Some(came_to);
            ended
        })
    }

    fn told(self: Box<Self>) {
        let came_to = self.came_to.unwrap_or_else(|| Err(StoreUnavailable::from(StoreError::Broken).into()));
        // A caller that has gone away has no use for it; the work is done all the same.
        let _ = self.reply.send(came_to);
    }

    fn failed(self: Box<Self>, cause: StoreUnavailable) {
        let _ = self.reply.send(Err(cause.into()));
    }

    fn alone(self: Box<Self>, database: Database) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let came_to = database.alone(&self.script).await;
            let _ = self.reply.send(came_to);
        })
    }
}

struct Waiting {
    job: Box<dyn Job>,
    since: Instant,
}

/// What the tasks have done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// The scripts that were members of a group.
    pub(crate) writes: AtomicU64,
    pub(crate) groups: AtomicU64,
    /// The scripts that had a transaction of their own after all.
    pub(crate) alone: AtomicU64,
    /// Groups that failed as a whole.
    pub(crate) broken_groups: AtomicU64,
}

/// The line in front of the tasks. Dropping it lets them finish what is queued.
#[derive(Debug)]
pub(crate) struct Groups {
    line: mpsc::Sender<Waiting>,
    counters: Arc<Counters>,
}

impl Groups {
    pub(crate) fn start(database: &Database, options: &Options) -> Self {
        let counters = Arc::new(Counters::default());
        let (line, waiting) = mpsc::channel(options.queue.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..options.write_groups.max(1) {
            let (work, counted, limit) = (database.clone(), Arc::clone(&counters), options.write_group.max(1));
            let waiting = Arc::clone(&waiting);
            Vitals::process().task(database.handle(), "store writes", move || {
                serve(work.clone(), Arc::clone(&waiting), limit, Arc::clone(&counted))
            });
        }
        Self { line, counters }
    }

    /// Runs a script with whatever else waits, and returns when what it wrote is durable.
    pub(crate) async fn write<T, E, F>(&self, script: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut Transaction) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { job: Box::new(Call { script, came_to: None, reply }), since: Instant::now() };
        let unavailable = |cause: StoreError| Err(StoreUnavailable::from(cause).into());
        if self.line.send(waiting).await.is_err() {
            return unavailable(StoreError::Closed);
        }
        answer.await.unwrap_or_else(|_| unavailable(StoreError::Broken))
    }

    /// How many stand in line.
    pub(crate) fn waiting(&self) -> usize {
        self.line.max_capacity().saturating_sub(self.line.capacity())
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

async fn serve(
    database: Database,
    waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    limit: usize,
    counters: Arc<Counters>,
) {
    let mut taken = Vec::with_capacity(limit);
    // One task waits for work while the others are at it; then the next does.
    while waiting.lock().await.recv_many(&mut taken, limit).await > 0 {
        let mut jobs = Vec::with_capacity(taken.len());
        for Waiting { job, since } in taken.drain(..) {
            if since.elapsed() > database.patience() {
                job.failed(StoreError::Busy.into());
            } else {
                jobs.push(job);
            }
        }
        if jobs.is_empty() {
            continue;
        }
        counters.writes.fetch_add(u64::try_from(jobs.len()).unwrap_or_default(), Ordering::Relaxed);
        counters.groups.fetch_add(1, Ordering::Relaxed);
        let (work, counted) = (database.clone(), Arc::clone(&counters));
        // A panic must not end the task: so each group is a task of its own, and callers hear of it by being dropped.
        if let Err(stopped) = database.handle().spawn(async move { commit(&work, jobs, &counted).await }).await {
            drop(StoreError::stopped(stopped));
        }
    }
}

/// Does all of them, each whole or not at all, and tells their callers.
async fn commit(database: &Database, mut jobs: Vec<Box<dyn Job>>, counters: &Counters) {
    let alone = |job: Box<dyn Job>| {
        counters.alone.fetch_add(1, Ordering::Relaxed);
        database.handle().spawn(job.alone(database.clone()));
    };
    match transact(database, &mut jobs).await {
        Ok(ended) => {
            for (job, ended) in jobs.into_iter().zip(ended) {
                match ended {
                    Ended::Kept | Ended::Refused => job.told(),
                    Ended::Alone | Ended::Broken => alone(job),
                }
            }
        }
        // Without a connection nobody fares better alone. With a lost one it is not known what was committed.
        Err(cause) if StoreError::nobody_fares_better_alone(&cause) => {
            let cause = Arc::new(cause);
            for job in jobs {
                job.failed(StoreError::Group(Arc::clone(&cause)).into());
            }
        }
        Err(cause) => {
            if jobs.len() > 1 {
                tracing::debug!(%cause, members = jobs.len(), "a group of writes is undone, and its members are done one by one");
            }
            counters.broken_groups.fetch_add(1, Ordering::Relaxed);
            jobs.into_iter().for_each(alone);
        }
    }
}

async fn transact(database: &Database, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Ended>, StoreError> {
    let begun = Instant::now();
    let mut line = database.begin_group().await?;
    match hall::together(&mut line, jobs).await {
        Ok(ended) => {
            if ended.contains(&Ended::Kept) {
                Database::commit(line).await?;
                Meters::process().committed(jobs.len(), begun.elapsed());
            } else {
                Database::undo(line).await;
            }
            Ok(ended)
        }
        Err(cause) => {
            let lost = is_lost(&cause);
            line.note(&cause);
            Database::undo(line).await;
            // Before the commit nothing is in doubt: each may try by itself, with another connection.
            Err(if lost { StoreError::Spoilt } else { cause })
        }
    }
}
