//! Whether a program keeps to its limits.

use rustix::process::getpid;
use tokio::time::{Duration, Instant};

use crate::launch::Limits;
use crate::process::Limit;
use crate::tree::usage_below;

pub(super) struct Watch {
    limits: Limits,
    begun: Instant,
    next: Instant,
}

impl Watch {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, begun: Instant::now(), next: Instant::now() }
    }

    /// Which limit is passed, if it is time to look.
    pub(super) fn look(&mut self) -> Option<Limit> {
        let now = Instant::now();
        if self.limits.run_time.is_some_and(|most| now.duration_since(self.begun) >= most) {
            return Some(Limit::RunTime);
        }
        if now < self.next || (self.limits.cpu_seconds.is_none() && self.limits.memory_bytes.is_none()) {
            return None;
        }
        self.next = now;
        let usage = usage_below(getpid());
        let seconds = usage.cpu_ticks / rustix::param::clock_ticks_per_second().max(1);
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        if self.limits.cpu_seconds.is_some_and(|most| seconds >= most) {
            Some(Limit::CpuTime)
        } else if self.limits.memory_bytes.is_some_and(|most| usage.pages.saturating_mul(page) > most) {
            Some(Limit::Memory)
        } else {
            None
        }
    }

    /// When to look again; `None` when nothing is limited.
    pub(super) fn next_look(&mut self, every: Duration) -> Option<Instant> {
        let used = self.limits.cpu_seconds.is_some() || self.limits.memory_bytes.is_some();
        if used && self.next <= Instant::now() {
            self.next = Instant::now() + every;
        }
        let end = self.limits.run_time.map(|most| self.begun + most);
        [end, used.then_some(self.next)].into_iter().flatten().min()
    }
}
