//! What a server does by itself, besides what the API keeps in order (`Api::keep_house`): one table.

mod checkpoints;
mod command_offers;
mod copy_watch;
mod epoch_marks;
mod folder_watch;
mod guard;
mod request_traces;
mod retention;
mod sinks;
mod world;

use std::pin::Pin;
use std::time::Duration;

use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub(super) use self::checkpoints::once as checkpoint;
pub(super) use self::world::{Ended, World};

type Work = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// One job.
struct Job {
    name: &'static str,
    /// How often it works; `None` where it does not.
    period: fn(&World) -> Option<Duration>,
    work: fn(Duration, World) -> Work,
    /// Whether the end of the server waits for it, and is as the job says.
    decides: bool,
}

const JOBS: &[Job] = &[
    Job {
        name: "data folder watch",
        // What is written into a folder that is gone is lost, so it is not long.
        period: |_| Some(Duration::from_millis(500)),
        work: |every, world| Box::pin(folder_watch::run(every, world)),
        decides: true,
    },
    Job {
        name: "epoch marks",
        period: |_| Some(Duration::from_secs(10)),
        work: |every, world| Box::pin(epoch_marks::run(every, world)),
        decides: true,
    },
    Job {
        name: "command offers",
        period: |world| world.is_shared.then_some(Duration::from_secs(1)),
        work: |every, world| Box::pin(command_offers::run(every, world)),
        decides: false,
    },
    Job {
        name: "read copy watch",
        // Small beside the least time that a copy may be behind.
        period: |world| world.copy.as_ref().map(|_| Duration::from_millis(250)),
        work: |every, world| Box::pin(copy_watch::run(every, world)),
        decides: false,
    },
    Job {
        name: "guard",
        // It works whenever something comes.
        period: |world| world.signs.as_ref().map(|_| Duration::ZERO),
        work: |every, world| Box::pin(guard::run(every, world)),
        decides: false,
    },
    Job {
        name: "sinks",
        period: |_| Some(Duration::from_secs(1)),
        work: |every, world| Box::pin(sinks::run(every, world)),
        decides: false,
    },
    Job {
        name: "spans of requests",
        period: |world| world.traces.as_ref().map(|_| Duration::from_secs(2)),
        work: |every, world| Box::pin(request_traces::run(every, world)),
        decides: true,
    },
    Job {
        name: "retention",
        period: |world| world.retention_interval,
        work: |every, world| Box::pin(retention::run(every, world)),
        decides: false,
    },
    Job {
        name: "audit checkpoints",
        period: |world| world.checkpoint_interval,
        work: |every, world| Box::pin(checkpoints::run(every, world)),
        decides: false,
    },
];

/// Starts all of them, each as a worker that is started again when it panics. Gives those that the end of the server waits
/// for, in the order of the table.
pub(super) fn start(world: &World) -> Vec<JoinHandle<Option<Ended>>> {
    let (vitals, runtime) = (Vitals::process(), Handle::current());
    let mut deciding = Vec::new();
    for job in JOBS {
        let Some(every) = (job.period)(world) else { continue };
        let world = world.clone();
        let handle = vitals.task(&runtime, job.name, move || (job.work)(every, world.clone()));
        if job.decides {
            deciding.push(handle);
        }
    }
    deciding
}
