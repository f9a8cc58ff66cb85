//! Runners and assignments.

use async_trait::async_trait;

use super::run::run;
use crate::ids::SessionId;
use crate::ports::{
    AssignmentError, AssignmentPlace, Rows, RunnerError, RunnerRepository, RunnerRows, StoreUnavailable, Transactional,
    Tx,
};
use crate::runner::{
    Assignment, AssignmentFilter, AssignmentRefused, AssignmentState, Heard, Lease, LeaseRequest, Runner, RunnerChange,
    RunnerName, RunnerRefused, RunnerRegistration, RunnerState, StartRequest,
};

/// So many assignments are looked at together when a runner asks for some.
const PAGE: usize = 100;
/// How many such pages one request looks at: the rest waits for the next one.
const PAGES: usize = 20;

/// Lets a runner join: [`RunnerRepository::register_runner`].
///
/// # Errors
/// The rule forbids it, or the store is not available.
pub async fn register<T: Tx>(tx: &mut T, registration: &RunnerRegistration) -> Result<Runner, RunnerError> {
    let existing = tx.lock_runner(&registration.name).await?;
    let runner = registration.decide(existing.as_ref())?;
    if existing.is_some() {
        tx.save_runner(&runner).await?;
    } else if !tx.insert_runner(&runner).await? {
        // It came in since the lock, which holds only what is there.
        return Err(RunnerRefused::OtherInstance { name: runner.name }.into());
    }
    Ok(runner)
}

/// Lets a runner go: [`RunnerRepository::leave_runner`].
///
/// # Errors
/// The rule forbids it, or the store is not available.
pub async fn leave<T: Tx>(tx: &mut T, heard: &Heard) -> Result<Runner, RunnerError> {
    let existing = tx.lock_runner(&heard.name).await?;
    let runner = heard.decide(existing.as_ref())?;
    let filter = AssignmentFilter { states: vec![AssignmentState::Started], runner: Some(runner.name.clone()) };
    let is_busy = !tx.assignments(&filter, None, 1).await?.is_empty();
    let runner = Runner { state: if is_busy { RunnerState::Draining } else { RunnerState::Left }, ..runner };
    tx.save_runner(&runner).await?;
    Ok(runner)
}

/// Changes a runner: [`RunnerRepository::change_runner`].
///
/// # Errors
/// The store is not available.
pub async fn change<T: Tx>(tx: &mut T, change: &RunnerChange) -> Rows<Result<Option<Runner>, RunnerRefused>> {
    let existing = tx.lock_runner(&change.name).await?;
    let (outcome, entry) = change.decide(existing.as_ref());
    match &outcome {
        Ok(Some(runner)) => tx.save_runner(runner).await?,
        Ok(None) => tx.remove_runner(&change.name).await?,
        Err(_) => {}
    }
    tx.record(entry).await?;
    Ok(outcome)
}

/// Gives a runner assignments: [`RunnerRepository::lease`].
///
/// # Errors
/// The rule forbids it, or the store is not available.
pub async fn lease<T: Tx>(tx: &mut T, request: &LeaseRequest) -> Result<Lease, RunnerError> {
    let existing = tx.lock_runner(&request.heard.name).await?;
    let runner = request.heard.decide(existing.as_ref())?;
    let mut leased = Vec::new();
    let most = if runner.state == RunnerState::Active { request.most.min(LeaseRequest::MOST) } else { 0 };
    let mut after = None;
    for _ in 0..PAGES {
        if leased.len() >= most {
            break;
        }
        let page = tx.open_assignments(request.heard.at, &runner.name, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.created_at, last.session_id));
        let fitting = page.iter().filter(|assignment| assignment.lease(&runner, request).is_some());
        for seen in fitting.take(most - leased.len()) {
            // As it is now: another runner may have it since it was read.
            let locked = tx.lock_assignment(seen.session_id).await?;
            leased.extend(locked.and_then(|assignment| assignment.lease(&runner, request)));
        }
    }
    tx.save_runner(&runner).await?;
    for assignment in &leased {
        tx.save_assignment(assignment).await?;
    }
    Ok(Lease { runner, assignments: leased })
}

/// Confirms a start: [`RunnerRepository::start_assignment`].
///
/// # Errors
/// The rule forbids it, or the store is not available.
pub async fn start<T: Tx>(tx: &mut T, request: &StartRequest) -> Result<Assignment, AssignmentError> {
    let existing = tx.lock_assignment(request.session_id).await?;
    let started = existing.ok_or(AssignmentRefused::Unknown(request.session_id))?.start(request)?;
    tx.save_assignment(&started).await?;
    Ok(started)
}

/// Moves an assignment on by a rule that may be against it: [`RunnerRepository::cancel_assignment`] and
/// [`RunnerRepository::end_assignment`].
///
/// # Errors
/// The store is not available.
pub async fn end<T: Tx>(
    tx: &mut T,
    session: SessionId,
    rule: impl Fn(&Assignment) -> Option<Assignment> + Send,
) -> Rows<bool> {
    let existing = tx.lock_assignment(session).await?;
    let Some(ended) = existing.as_ref().and_then(rule) else { return Ok(false) };
    tx.save_assignment(&ended).await?;
    Ok(true)
}

#[async_trait]
impl<S: Transactional> RunnerRepository for S {
    async fn register_runner(&self, registration: RunnerRegistration) -> Result<Runner, RunnerError> {
        run!(self.write, (registration), |tx| register(tx, &registration)).await
    }

    async fn leave_runner(&self, heard: Heard) -> Result<Runner, RunnerError> {
        run!(self.write, (heard), |tx| leave(tx, &heard)).await
    }

    async fn change_runner(&self, wanted: RunnerChange) -> Result<Option<Runner>, RunnerError> {
        let done: Rows<_> = run!(self.write, (wanted), |tx| change(tx, &wanted)).await;
        Ok(done??)
    }

    async fn runner(&self, name: RunnerName) -> Result<Option<Runner>, StoreUnavailable> {
        run!(self.read, (name), |tx| tx.runner(&name)).await
    }

    async fn runners(&self) -> Result<Vec<Runner>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.runners()).await
    }

    async fn assign(&self, assignment: Assignment) -> Result<bool, StoreUnavailable> {
        run!(self.write, (assignment), |tx| tx.insert_assignment(&assignment)).await
    }

    async fn assignment(&self, session: SessionId) -> Result<Option<Assignment>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.assignment(session)).await
    }

    async fn assignments(
        &self,
        filter: AssignmentFilter,
        after: Option<AssignmentPlace>,
        limit: usize,
    ) -> Result<Vec<Assignment>, StoreUnavailable> {
        run!(self.read, (filter), |tx| tx.assignments(&filter, after, limit)).await
    }

    async fn lease(&self, request: LeaseRequest) -> Result<Lease, RunnerError> {
        run!(self.write, (request), |tx| lease(tx, &request)).await
    }

    async fn start_assignment(&self, request: StartRequest) -> Result<Assignment, AssignmentError> {
        run!(self.write, (request), |tx| start(tx, &request)).await
    }

    async fn cancel_assignment(&self, session: SessionId) -> Result<bool, StoreUnavailable> {
        run!(self.write, (), |tx| end(tx, session, Assignment::cancel)).await
    }

    async fn end_assignment(&self, session: SessionId) -> Result<bool, StoreUnavailable> {
        run!(self.write, (), |tx| end(tx, session, Assignment::end)).await
    }

    async fn loads(&self) -> Result<Vec<(RunnerName, u64)>, StoreUnavailable> {
        run!(self.read, (), |tx| tx.loads()).await
    }
}
