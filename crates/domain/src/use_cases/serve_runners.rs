//! What runners ask of a server.

mod earlier;

use std::sync::Arc;

use self::earlier::FindEarlier;
pub use self::earlier::{EarlierSession, TakenUp};
use super::live_of_runners::LiveOfRunners;
use super::{Has, MayHave, Providers, ReportStatus, ResolveError, ResolveProvider};
use crate::ids::SessionId;
use crate::operator::{Principal, Role};
use crate::ports::{
    AssignmentError, Clock, IdGenerator, MessageRepository, ProviderConfigRepository, RunnerError, RunnerRepository,
    SecretSealer, SessionRepository, StoreUnavailable, WakeUps,
};
use crate::provider_config::Credentials;
use crate::runner::{
    Assignment, AssignmentFilter, AssignmentRefused, AssignmentState, Fence, Heard, Lease, LeaseRequest, Runner,
    RunnerName, RunnerRefused, RunnerRegistration, StartRequest,
};
use crate::session::{DesiredStatus, Session, SessionPlace, SessionStatus};
use crate::text::{ProviderName, Reason};

/// So many assignments are looked at to see whether there is something for a runner.
const LOOK: usize = 200;

/// An agent that a runner is to start now.
pub struct Start {
    /// The assignment.
    pub assignment: Assignment,
    /// Its session.
    pub session: Session,
    /// The clear texts of the credentials of its configuration.
    pub credentials: Credentials,
    /// The conversation that it takes up; `None` for a new one.
    pub takes_up: Option<TakenUp>,
}

/// Why a runner is not to start an agent.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It has no right to the assignment, or that is over.
    #[error(transparent)]
    Assignment(#[from] AssignmentError),
    /// Its configuration is gone, or its credentials cannot be opened. The session has failed.
    #[error("{0}")]
    Unusable(String),
}

impl From<StoreUnavailable> for StartError {
    fn from(error: StoreUnavailable) -> Self {
        Self::Assignment(error.into())
    }
}

/// Serves runners.
#[derive(Clone)]
pub struct ServeRunners {
    runners: Arc<dyn RunnerRepository>,
    sessions: Arc<dyn SessionRepository>,
    live: LiveOfRunners,
    configs: Arc<dyn ProviderConfigRepository>,
    resolve: ResolveProvider,
    report: ReportStatus,
    earlier: FindEarlier,
}

impl ServeRunners {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn RunnerRepository>
            + Has<dyn SessionRepository>
            + Has<dyn MessageRepository>
            + Has<dyn ProviderConfigRepository>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>
            + MayHave<Arc<dyn SecretSealer>>,
    {
        Self {
            runners: ports.port(),
            sessions: ports.port(),
            live: LiveOfRunners::new(ports),
            configs: ports.port(),
            resolve: ResolveProvider::new(ports, providers),
            report: ReportStatus::new(ports),
            earlier: FindEarlier { sessions: ports.port(), messages: ports.port() },
        }
    }

    /// Lets a runner join. Gives it with the assignments that this run of it has started: it has their agents, or says
    /// what became of them.
    ///
    /// # Errors
    /// The name is somebody else's, the protocol another one, or the store is not available.
    pub async fn join(&self, registration: RunnerRegistration) -> Result<(Runner, Vec<Assignment>), RunnerError> {
        let runner = self.runners.register_runner(registration).await?;
        let mut theirs = self.started(&runner.name).await?;
        theirs.retain(|assignment| assignment.instance == Some(runner.instance));
        Ok((runner, theirs))
    }

    /// The assignments that a runner has started.
    async fn started(&self, name: &RunnerName) -> Result<Vec<Assignment>, StoreUnavailable> {
        let filter = AssignmentFilter { states: vec![AssignmentState::Started], runner: Some(name.clone()) };
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.runners.assignments(filter.clone(), after, LOOK).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some((last.created_at, last.session_id));
            all.extend(page);
        }
    }

    /// Lets a runner go. One that still has agents drains.
    ///
    /// # Errors
    /// It is another program, or the store is not available.
    pub async fn leave(&self, heard: Heard) -> Result<Runner, RunnerError> {
        for assignment in self.started(&heard.name).await? {
            let id = assignment.session_id;
            let is_over = match self.sessions.get(id).await? {
                Some(session) if session.status.is_terminal() => self.live.of(&session).await?.is_empty(),
                session => session.is_none(),
            };
            if is_over {
                self.runners.end_assignment(id).await?;
            }
        }
        self.runners.leave_runner(heard).await
    }

    /// Whether something waits that the runner could start. Reads only.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn has_work(&self, runner: &Runner, request: &LeaseRequest) -> Result<bool, StoreUnavailable> {
        let filter = AssignmentFilter { states: vec![AssignmentState::Waiting, AssignmentState::Leased], runner: None };
        let page = self.runners.assignments(filter, None, LOOK).await?;
        Ok(page.len() == LOOK || page.iter().any(|it| it.lease(runner, request).is_some()))
    }

    /// Gives a runner assignments, and counts as a sign of life.
    ///
    /// # Errors
    /// It is another program, or the store is not available.
    pub async fn lease(&self, request: LeaseRequest) -> Result<Lease, RunnerError> {
        self.runners.lease(request).await
    }

    /// Confirms a start, and gives what the agent is started with. From then on the runner reports for the session.
    ///
    /// # Errors
    /// The runner has no right to the assignment; the session is over or to be killed; or nothing can be started from
    /// its configuration any more.
    pub async fn start(&self, request: StartRequest) -> Result<Start, StartError> {
        let id = request.session_id;
        let session = self.sessions.get(id).await?.ok_or(AssignmentRefused::Unknown(id));
        let session = session.map_err(AssignmentError::from)?;
        let is_over = session.status.is_terminal();
        if is_over || session.desired_status == DesiredStatus::Killed {
            let was_cancelled = self.runners.cancel_assignment(id).await?;
            if was_cancelled && !is_over {
                self.end(id, SessionStatus::Killed, "it was killed before a runner had started it").await?;
            }
            // A runner that did not get the first answer has the assignment all the same: it hears the kill.
            if was_cancelled || is_over {
                return Err(AssignmentError::from(AssignmentRefused::Ended(id)).into());
            }
        }
        let assignment = self.runners.start_assignment(request).await?;
        match self.credentials(&assignment).await {
            Ok(credentials) => {
                let offered = ProviderName::new(assignment.offer.as_str()).ok();
                let takes_up = self.earlier.of(&session, offered).await?;
                Ok(Start { assignment, session, credentials, takes_up })
            }
            Err(ResolveError::Unavailable(error)) => Err(error.into()),
            Err(error) => {
                let problem = error.to_string();
                self.end(id, SessionStatus::Failed, &problem).await?;
                self.runners.end_assignment(id).await?;
                Err(StartError::Unusable(problem))
            }
        }
    }

    async fn end(&self, id: SessionId, status: SessionStatus, why: &str) -> Result<(), StoreUnavailable> {
        match self.report.execute(id, status, Some(Reason::shortened(why))).await {
            Err(crate::ports::ObserveError::Unavailable(cause)) => Err(StoreUnavailable::new(cause)),
            _ => Ok(()),
        }
    }

    /// The credentials of the configuration as it is now: they may have been sealed anew, or replaced.
    async fn credentials(&self, assignment: &Assignment) -> Result<Credentials, ResolveError> {
        let name = &assignment.started_by.name;
        if assignment.started_by.revision == 0 {
            // Of the file: it has no sealed ones.
            return Ok(Credentials::new());
        }
        match self.configs.provider_config(name.clone()).await? {
            Some(config) if config.enabled => self.resolve.credentials(&config),
            Some(config) => Err(ResolveError::Disabled(config.name)),
            None => Err(ResolveError::Removed(name.clone())),
        }
    }

    /// Lets a runner act for the session of an assignment that it has started, and for those below it. What this allows
    /// stays allowed until the assignment is over, for the token does not change any more.
    ///
    /// # Errors
    /// The key is no runner's, the token is not the one of the start, or the store is not available.
    pub async fn act_for(
        &self,
        principal: &Principal,
        session: SessionId,
        fence: Fence,
    ) -> Result<Principal, AssignmentError> {
        let unknown = || AssignmentRefused::Unknown(session);
        let assignment = self.runners.assignment(session).await?.ok_or_else(unknown)?;
        let name = assignment.runner.clone().ok_or_else(unknown)?;
        let runner = self.runners.runner(name.clone()).await?;
        let is_others = runner.as_ref().is_some_and(|runner| runner.key_id != principal.key_id);
        if principal.role != Role::Runner || is_others {
            return Err(unknown().into());
        }
        assignment.admits(&name, fence)?;
        if runner.is_none() {
            // It was removed, and its sessions are about to fail.
            return Err(AssignmentRefused::Ended(session).into());
        }
        Ok(Principal { bound_to: Some(session), place: SessionPlace::default(), ..principal.clone() })
    }

    /// Whether a runner has the key of the caller.
    ///
    /// # Errors
    /// There is no such runner, its name belongs to another key, or the store is not available.
    pub async fn owns(&self, name: &RunnerName, principal: &Principal) -> Result<(), RunnerError> {
        match self.runners.runner(name.clone()).await? {
            Some(runner) if runner.key_id == principal.key_id => Ok(()),
            Some(_) => Err(RunnerRefused::OtherKey(name.clone()).into()),
            None => Err(RunnerRefused::Unknown(name.clone()).into()),
        }
    }
}

#[cfg(test)]
mod tests;
