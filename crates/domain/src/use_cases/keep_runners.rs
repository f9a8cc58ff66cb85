//! Looks after what runners were assigned: nothing waits, runs or is called running for ever.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::live_of_runners::LiveOfRunners;
use super::{Has, ReportStatus};
use crate::ports::{
    Clock, IdGenerator, ObserveError, RunnerRepository, SessionFilter, SessionQuery, SessionRepository,
    StoreUnavailable, WakeUps,
};
use crate::runner::{Assignment, AssignmentFilter, AssignmentState, Runner, RunnerName};
use crate::session::{DesiredStatus, Session, SessionStatus};
use crate::text::{ProviderName, Reason};
use crate::time::Timestamp;

/// The runner that has an assignment, if that is still the same run of it.
fn holder<'a>(assignment: &Assignment, runners: &'a BTreeMap<RunnerName, Runner>) -> Option<&'a Runner> {
    let runner = assignment.runner.as_ref().and_then(|name| runners.get(name))?;
    (Some(runner.instance) == assignment.instance).then_some(runner)
}

/// Looks after assignments. Call it about every second, on any number of servers.
pub struct KeepRunners {
    runners: Arc<dyn RunnerRepository>,
    sessions: Arc<dyn SessionRepository>,
    live: LiveOfRunners,
    report: ReportStatus,
    clock: Arc<dyn Clock>,
    /// Since when runners could be heard without a break, and when that was looked at last.
    listening: Mutex<(Timestamp, Timestamp)>,
    passes: AtomicU64,
}

impl KeepRunners {
    /// So many assignments are read together.
    const PAGE: usize = 200;
    /// Each so-many-th call also looks at the sessions of runners that are there.
    const THOROUGH: u64 = 15;
    /// A session is assigned within this.
    const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

    /// Takes the ports it needs. Runners can be heard from now on, so none is gone within the first lease.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn RunnerRepository>
            + Has<dyn SessionRepository>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        let clock: Arc<dyn Clock> = ports.port();
        let now = clock.now();
        Self {
            runners: ports.port(),
            sessions: ports.port(),
            live: LiveOfRunners::new(ports),
            report: ReportStatus::new(ports),
            clock,
            listening: Mutex::new((now, now)),
            passes: AtomicU64::new(0),
        }
    }

    /// Ends assignments whose sessions are over, kills what was killed before its start, loses the sessions of runners
    /// that are gone, and fails them when their configuration says so. Gives how many sessions it moved.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<usize, StoreUnavailable> {
        let now = self.clock.now();
        let done = self.look(now).await;
        if done.is_err() {
            self.listening.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
        }
        done
    }

    /// Since when runners could be heard without a break. A silent one is gone after a lease that began no earlier.
    fn listening_since(&self, now: Timestamp) -> Timestamp {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, last_look) = *listening;
        // A clock that was set back would otherwise keep every lease from running until it is there again.
        if now > last_look.saturating_add(Runner::LEASE) || now.saturating_add(Runner::LEASE) < last_look {
            *listening = (now, now);
        } else {
            *listening = (since, now);
        }
        listening.0
    }

    async fn look(&self, now: Timestamp) -> Result<usize, StoreUnavailable> {
        let since = self.listening_since(now);
        let thorough = self.passes.fetch_add(1, Ordering::Relaxed).is_multiple_of(Self::THOROUGH);
        let runners: BTreeMap<RunnerName, Runner> =
            self.runners.runners().await?.into_iter().map(|runner| (runner.name.clone(), runner)).collect();
        let filter = AssignmentFilter {
            states: AssignmentState::ALL.into_iter().filter(|state| *state != AssignmentState::Ended).collect(),
            runner: None,
        };
        let mut after = None;
        let mut moved = if thorough { self.unassigned(now).await? } else { 0 };
        loop {
            let page = self.runners.assignments(filter.clone(), after, Self::PAGE).await?;
            let Some(last) = page.last() else { return Ok(moved) };
            after = Some((last.created_at, last.session_id));
            for assignment in &page {
                // Those who are at work are many, and their runner tells what becomes of them.
                let is_well = assignment.state == AssignmentState::Started
                    && holder(assignment, &runners).is_some_and(|runner| runner.is_there(now));
                if is_well && !thorough {
                    continue;
                }
                moved += self.one(assignment, &runners, now, since).await?;
            }
        }
    }

    /// Fails sessions that were to be started and were never assigned: the server stopped in between.
    async fn unassigned(&self, now: Timestamp) -> Result<usize, StoreUnavailable> {
        let filter = SessionFilter {
            statuses: vec![SessionStatus::Spawning],
            provider: Some(ProviderName::runner()),
            ..SessionFilter::default()
        };
        let (mut after, mut moved) = (None, 0);
        loop {
            let query = SessionQuery { filter: filter.clone(), after, limit: Self::PAGE, heads_only: true };
            let page = self.sessions.list(query).await?;
            for session in page.sessions {
                // Those that agents register below their own are started by nobody.
                let is_due = session.started_by.is_some() && session.spawned_at.saturating_add(Self::PATIENCE) < now;
                if is_due && self.runners.assignment(session.id).await?.is_none() {
                    let why = "the server stopped before it was assigned to a runner";
                    moved += self.report(&session, SessionStatus::Failed, why).await?;
                }
            }
            if page.next.is_none() {
                return Ok(moved);
            }
            after = page.next;
        }
    }

    async fn one(
        &self,
        assignment: &Assignment,
        runners: &BTreeMap<RunnerName, Runner>,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<usize, StoreUnavailable> {
        let id = assignment.session_id;
        let session = self.sessions.get(id).await?;
        let is_started = assignment.state == AssignmentState::Started;
        let session = match session {
            Some(session) if !session.status.is_terminal() => session,
            // Its runner still has those that its agent registered below: their reports need the assignment.
            Some(session) if is_started && !self.live.of(&session).await?.is_empty() => session,
            _ => {
                self.runners.end_assignment(id).await?;
                return Ok(0);
            }
        };
        if !is_started {
            return self.not_started(assignment, &session, now, since).await;
        }
        self.started(assignment, &session, runners, now, since).await
    }

    /// Looks after an agent that nobody has started.
    async fn not_started(
        &self,
        assignment: &Assignment,
        session: &Session,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<usize, StoreUnavailable> {
        let is_killed = session.desired_status == DesiredStatus::Killed;
        let can_tell = since.saturating_add(Runner::LEASE) < now;
        let is_dropped = can_tell && assignment.has_lapsed(now) && !assignment.when_lost.requeue;
        let is_cancelled = assignment.state == AssignmentState::Cancelled;
        // A start that is confirmed in the meantime goes before.
        let goes = is_cancelled || ((is_killed || is_dropped) && self.runners.cancel_assignment(session.id).await?);
        if !goes {
            return Ok(0);
        }
        if is_killed {
            return self.report(session, SessionStatus::Killed, "it was killed before a runner had started it").await;
        }
        let name = assignment.runner.as_ref().map(ToString::to_string).unwrap_or_default();
        let why = format!("runner {name} took it and did not confirm its start in time");
        self.report(session, SessionStatus::Failed, &why).await
    }

    /// Looks after an agent that a runner has started.
    async fn started(
        &self,
        assignment: &Assignment,
        session: &Session,
        runners: &BTreeMap<RunnerName, Runner>,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<usize, StoreUnavailable> {
        let name = assignment.runner.as_ref().map(ToString::to_string).unwrap_or_default();
        let Some(runner) = holder(assignment, runners) else {
            let was_removed = assignment.runner.as_ref().is_none_or(|name| !runners.contains_key(name));
            let why = if was_removed { "was removed" } else { "was started anew and does not have it any more" };
            return self.give_up(session, &format!("runner {name} {why}")).await;
        };
        // While nobody could be heard, its sessions were not lost.
        let gone_since = runner.seen_at.max(since).saturating_add(Runner::LEASE);
        if gone_since >= now || runner.is_there(now) {
            return Ok(0);
        }
        let fail_after = assignment.when_lost.fail_after.map(|secs| std::time::Duration::from_secs(secs.into()));
        if fail_after.is_some_and(|wait| gone_since.saturating_add(wait) < now) {
            return self.give_up(session, &format!("runner {name} has been silent since {}", runner.seen_at)).await;
        }
        let why = format!("runner {name} has been silent since {}", runner.seen_at);
        let mut moved = 0;
        for session in self.live.of(session).await? {
            if session.status != SessionStatus::Lost {
                moved += self.report(&session, SessionStatus::Lost, &why).await?;
            }
        }
        Ok(moved)
    }

    /// Fails a session and those that worked within its agent. Nothing more is taken from its runner.
    async fn give_up(&self, session: &Session, why: &str) -> Result<usize, StoreUnavailable> {
        let mut moved = 0;
        for session in self.live.of(session).await? {
            moved += self.report(&session, SessionStatus::Failed, why).await?;
        }
        self.runners.end_assignment(session.id).await?;
        Ok(moved)
    }

    async fn report(&self, session: &Session, status: SessionStatus, why: &str) -> Result<usize, StoreUnavailable> {
        match self.report.execute(session.id, status, Some(Reason::shortened(why))).await {
            Ok(_) => Ok(1),
            Err(ObserveError::Unavailable(cause)) => Err(StoreUnavailable::new(cause)),
            // It has moved by itself meanwhile.
            Err(_) => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests;
