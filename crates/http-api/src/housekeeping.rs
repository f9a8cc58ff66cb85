//! The background jobs of the API. Each file here does one job and logs how it ended.

mod approvals;
mod budgets;
mod leases;
mod runners;
mod spool;

use std::sync::Arc;
use std::time::{Duration, Instant};

use flightdeck_domain::use_cases::{EnforceBudgets, ExpireApprovals, ExpireLeases, FoldSpool, KeepRunners};
use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub(crate) use budgets::told as tell_of_budgets;
pub(crate) use leases::all as all_leases;

use crate::auth::KeyRing;
use crate::counters::{Counters, Minute};
use crate::throttles::Throttles;

/// The jobs of every second, each with what it works on.
pub(crate) struct House {
    /// Once a minute, the counts of refused requests are logged.
    pub(crate) counters: Arc<Counters>,
    /// The streams of revoked keys are ended, and quiet keys are forgotten.
    pub(crate) keys: Arc<KeyRing>,
    /// Callers that have been quiet for long are forgotten.
    pub(crate) throttles: Throttles,
    /// The stops of an outage get their entries on the audit log.
    pub(crate) fold_spool: Option<FoldSpool>,
    /// Sessions with a used-up budget are paused.
    pub(crate) enforce_budgets: EnforceBudgets,
    /// Permission requests whose deadline has passed are closed.
    pub(crate) expire_approvals: ExpireApprovals,
    /// Agents that nobody starts, or whose runner is gone, do not wait or run for ever.
    pub(crate) keep_runners: KeepRunners,
}

/// Starts the two workers: one for the jobs of every second, and one for the leases, which have periods of their own.
/// Each ends with the shutdown, and is restarted after a panic.
pub(crate) fn start(runtime: &Handle, house: House, leases: Vec<ExpireLeases>, shutdown: &CancellationToken) {
    let (house, end) = (Arc::new(house), shutdown.clone());
    Vitals::process().task(runtime, "housekeeping", move || every_second(Arc::clone(&house), end.clone()));
    let (leases, end) = (Arc::new(leases), shutdown.clone());
    Vitals::process().task(runtime, "lease sweep", move || leases::watch(Arc::clone(&leases), end.clone()));
}

async fn every_second(house: Arc<House>, shutdown: CancellationToken) {
    let mut minute = Minute::begin(&house.counters, Instant::now());
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = every.tick() => house.once(&mut minute).await,
        }
    }
}

impl House {
    /// Does each job once, in this order.
    async fn once(&self, minute: &mut Minute) {
        minute.tell(&self.counters, Instant::now());
        self.keys.sweep().await;
        self.throttles.sweep();
        if let Some(fold) = &self.fold_spool {
            spool::fold(fold).await;
        }
        // It tells by itself how that ended, for it is also called elsewhere.
        drop(self.enforce_budgets.execute().await);
        approvals::expire(&self.expire_approvals).await;
        runners::keep(&self.keep_runners).await;
    }
}
