//! Appends, many to a commit.
//!
//! A commit waits for the disk, and each of its statements for the network. So appends go to a few tasks, each with a part
//! of the sessions, and a task takes whatever queued while its last commit ran into one transaction: the busier it is, the
//! more a commit carries. Nobody waits for a group to fill up.
//!
//! *Invariants.* No caller is answered before the commit that holds its batch. Each batch stands alone: a refused one
//! writes nothing and does nothing to its neighbours, and if a whole group fails its members are tried one by one. What is
//! queued is done, whether or not its caller still waits. Batches of one session are done in the order of their calls,
//! for they are all queued with the same task.

mod at_once;
mod group;
mod heads;
mod repeats;
mod statements;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{AppendError, AppendOutcome};
use flightdeck_domain::time::Timestamp;
use flightdeck_vitals::Vitals;
use tokio::sync::{Mutex, mpsc, oneshot};

use self::heads::Heads;
use self::repeats::Repeats;
use crate::database::Database;
use crate::error::StoreError;
use crate::settings::Options;

/// A commit carries at most so many messages and bytes, beyond its first batch: what PostgreSQL and we hold in memory for
/// it.
const MOST_MESSAGES: usize = 5_000;
const MOST_BYTES: usize = 8 << 20;

/// One batch that is to be appended.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) session: SessionId,
    pub(crate) batch: Vec<NewMessage>,
    pub(crate) at: Timestamp,
}

impl Append {
    fn bytes(&self) -> usize {
        self.batch.iter().map(|message| message.content.as_str().len()).sum()
    }
}

type Answer = Result<AppendOutcome, AppendError>;

struct Job {
    append: Append,
    reply: oneshot::Sender<Answer>,
}

/// What a task remembers of its sessions.
#[derive(Debug, Default)]
struct Memory {
    heads: Heads,
    repeats: Repeats,
}

/// What the tasks have done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) appends: AtomicU64,
    pub(crate) groups: AtomicU64,
    /// Appends that needed more than one round trip.
    pub(crate) long: AtomicU64,
    /// Groups that were done a second time because a message was in its conversation already.
    pub(crate) repeated_groups: AtomicU64,
    /// Groups that failed as a whole, and whose members were tried one by one.
    pub(crate) broken_groups: AtomicU64,
}

/// The lines in front of the tasks. Dropping it lets them finish what is queued.
#[derive(Debug)]
pub(crate) struct Appends {
    lines: Vec<mpsc::Sender<Job>>,
    counters: Arc<Counters>,
}

impl Appends {
    pub(crate) fn start(database: &Database, options: &Options) -> Self {
        let counters = Arc::new(Counters::default());
        let lines = (0..options.append_shards.max(1)).map(|_| {
            let (line, waiting) = mpsc::channel(options.queue.max(1));
            let (work, counted, limit) = (database.clone(), Arc::clone(&counters), options.group.max(1));
            // The queue outlives a panic; what the task had in hand is answered by being dropped.
            let waiting = Arc::new(Mutex::new(waiting));
            Vitals::process().task(database.handle(), "store appends", move || {
                serve(work.clone(), Arc::clone(&waiting), limit, Arc::clone(&counted))
            });
            line
        });
        Self { lines: lines.collect(), counters }
    }

    /// Appends a batch and returns when it is durable.
    pub(crate) async fn append(&self, append: Append) -> Answer {
        let (reply, answer) = oneshot::channel();
        let Some(line) = self.line(append.session) else { return Err(StoreError::Closed.into()) };
        if line.send(Job { append, reply }).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Broken.into()))
    }

    fn line(&self, session: SessionId) -> Option<&mpsc::Sender<Job>> {
        let mut hasher = DefaultHasher::new();
        session.hash(&mut hasher);
        let lines = u64::try_from(self.lines.len()).ok()?;
        self.lines.get(usize::try_from(hasher.finish().checked_rem(lines)?).ok()?)
    }

    /// How many stand in all lines together.
    pub(crate) fn waiting(&self) -> usize {
        self.lines.iter().map(|line| line.max_capacity().saturating_sub(line.capacity())).sum()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

async fn serve(database: Database, waiting: Arc<Mutex<mpsc::Receiver<Job>>>, limit: usize, counters: Arc<Counters>) {
    let mut waiting = waiting.lock().await;
    let (mut jobs, memory) = (Vec::with_capacity(limit), Arc::<Memory>::default());
    while waiting.recv_many(&mut jobs, limit).await > 0 {
        while !jobs.is_empty() {
            let (appends, replies): (Vec<Append>, Vec<_>) =
                jobs.drain(..fitting(&jobs)).map(|job| (job.append, job.reply)).unzip();
            counters.appends.fetch_add(u64::try_from(appends.len()).unwrap_or_default(), Ordering::Relaxed);
            counters.groups.fetch_add(1, Ordering::Relaxed);
            let answers = committed(&database, appends, replies.len(), &counters, &memory).await;
            for (reply, answer) in replies.into_iter().zip(answers) {
                // A caller that has gone away has no use for it; the work is done all the same.
                let _ = reply.send(answer);
            }
        }
    }
}

/// A panic must not end the task, nor leave a caller without an answer: so each group is a task of its own.
async fn committed(
    database: &Database,
    appends: Vec<Append>,
    callers: usize,
    counters: &Arc<Counters>,
    memory: &Arc<Memory>,
) -> Vec<Answer> {
    let (work, counters, memory) = (database.clone(), Arc::clone(counters), Arc::clone(memory));
    match database.handle().spawn(async move { group::commit(&work, appends, &counters, &memory).await }).await {
        Ok(answers) => answers,
        Err(stopped) => {
            let cause = Arc::new(StoreError::stopped(stopped));
            (0..callers).map(|_| Err(StoreError::Group(Arc::clone(&cause)).into())).collect()
        }
    }
}

/// How many of the waiting go into one commit: at least one.
fn fitting(jobs: &[Job]) -> usize {
    let (mut messages, mut bytes) = (0_usize, 0_usize);
    let fit = jobs.iter().take_while(|job| {
        messages = messages.saturating_add(job.append.batch.len());
        bytes = bytes.saturating_add(job.append.bytes());
        messages <= MOST_MESSAGES && bytes <= MOST_BYTES
    });
    fit.count().max(1)
}
