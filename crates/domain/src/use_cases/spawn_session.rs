//! A provider starts an agent.

use std::sync::Arc;

use super::{
    Has, MayHave, NewSession, Providers, RegisterSession, ReportStatus, ResolveError, ResolveProvider, Resolved,
};
use crate::action::Origin;
use crate::operator::Actor;
use crate::ports::{
    Clock, IdGenerator, ObserveError, ProviderConfigRepository, RegisterError, Registered, SecretSealer,
    SessionRepository, SpawnError, StoreUnavailable, UsageRepository, WakeUps,
};
use crate::provider_config::StartedBy;
use crate::session::{Session, SessionStatus};
use crate::text::{AgentType, MessageContent, ProviderName, Reason, RequestId};
use crate::usage::{AccountKey, Budget, BudgetAction};

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnSessionError {
    /// There is no such provider, or nothing can be started from the configuration.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A rule of the tree forbids it, or the store is not available.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The provider cannot start it.
    #[error(transparent)]
    Provider(#[from] SpawnError),
}

/// Starts agents.
#[derive(Clone)]
pub struct SpawnSession {
    register: RegisterSession,
    report: ReportStatus,
    providers: Providers,
    resolve: ResolveProvider,
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
}

impl SpawnSession {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>
            + Has<dyn UsageRepository>
            + Has<dyn ProviderConfigRepository>
            + MayHave<Arc<dyn SecretSealer>>,
    {
        Self {
            register: RegisterSession::new(ports),
            report: ReportStatus::new(ports),
            providers: providers.clone(),
            resolve: ResolveProvider::new(ports, providers),
            usage: ports.port(),
            clock: ports.port(),
        }
    }

    /// Records the session as `spawning`, then has its provider start the agent. If the start fails, the session is
    /// `failed` with the reason; it never stays `spawning`.
    ///
    /// # Errors
    /// The provider is unknown or refuses, a rule of the tree forbids it, or the store is not available.
    pub async fn execute(
        &self,
        new: NewSession,
        prompt: Option<MessageContent>,
    ) -> Result<Registered, SpawnSessionError> {
        let resolved = self.resolve(Some(&new.provider), &new.agent_type).await?;
        self.from_resolved(new, prompt, resolved).await
    }

    /// Finds what an agent is started from: see [`ResolveProvider::execute`].
    ///
    /// # Errors
    /// There is none, or nothing can be started from it now.
    pub async fn resolve(
        &self,
        provider: Option<&ProviderName>,
        agent_type: &AgentType,
    ) -> Result<Resolved, ResolveError> {
        self.resolve.execute(provider, agent_type).await
    }

    /// The same, from what was found before. The session bears its provider and configuration.
    ///
    /// # Errors
    /// As [`SpawnSession::execute`].
    pub async fn from_resolved(
        &self,
        new: NewSession,
        prompt: Option<MessageContent>,
        resolved: Resolved,
    ) -> Result<Registered, SpawnSessionError> {
        let Resolved { provider_name, provider, started_by, budget } = resolved;
        let new = NewSession { provider: provider_name, started_by: started_by.clone(), ..new };
        provider.check(&new.agent_type, &new.context).await?;
        let new = match self.providers.replica().filter(|_| provider.capabilities().in_process) {
            Some(replica) => NewSession { replica: Some(replica.clone()), ..new },
            None => new,
        };
        let registered = self.register.execute(new, SessionStatus::Spawning).await?;
        if registered.created
            && let (Some(budget), Some(by)) = (budget, &started_by)
        {
            self.limit(&registered.session, budget, by).await?;
        }
        if registered.created
            && let Err(error) = provider.spawn(&registered.session, prompt).await
        {
            let reason = Reason::new(error.to_string()).ok();
            let reported = self.report.execute(registered.session.id, SessionStatus::Failed, reason).await;
            if let Err(ObserveError::Unavailable(cause)) = reported {
                return Err(RegisterError::Unavailable(StoreUnavailable::new(cause)).into());
            }
            return Err(error.into());
        }
        Ok(registered)
    }

    /// Sets the budget of a configuration, before the agent can use anything.
    async fn limit(&self, session: &Session, budget: Budget, by: &StartedBy) -> Result<(), SpawnSessionError> {
        let why = format!("the limit of provider configuration {} at revision {}", by.name, by.revision);
        let origin = Origin::new(Actor::system(), RequestId::from(*session.id.as_uuid()));
        let by = origin.because(Reason::new(why).ok()).at(self.clock.now());
        let action = BudgetAction { key: AccountKey::Subtree(session.id), budget: Some(budget), by };
        match self.usage.set_budget(action).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let reason = Reason::new("its budget could not be set, so its agent was not started").ok();
                drop(self.report.execute(session.id, SessionStatus::Failed, reason).await);
                Err(RegisterError::Unavailable(StoreUnavailable::new(error)).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{observed, session};
    use crate::ports::{Capabilities, MockAgentProvider};
    use crate::use_cases::testing::{MockPorts, new_session};

    fn robot(spawns: Result<(), &'static str>) -> Providers {
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
        provider.expect_check().returning(|_, _| Ok(()));
        provider.expect_spawn().returning(move |_, _| spawns.map_err(|text| SpawnError::Failed(text.into())));
        Providers::default().with(Arc::new(provider))
    }

    fn asked() -> NewSession {
        NewSession { provider: ProviderName::new("robot").expect("valid"), ..new_session() }
    }

    #[tokio::test]
    async fn a_session_is_written_down_before_its_agent_starts() {
        let mut mocks = MockPorts::default();
        mocks
            .sessions
            .expect_register()
            .withf(|r| r.status == SessionStatus::Spawning)
            .times(1)
            .returning(|_| Ok(Registered { session: session(1), created: true }));
        mocks.wake_ups.expect_feed_grew().return_const(());
        let spawn = SpawnSession::new(&mocks.ports(), &robot(Ok(())));
        assert!(spawn.execute(asked(), None).await.expect("spawned").created);
    }

    #[tokio::test]
    async fn an_agent_that_does_not_start_is_failed_not_spawning_for_ever() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_register().returning(|_| Ok(Registered { session: session(1), created: true }));
        mocks
            .sessions
            .expect_observe()
            .withf(|o| o.status == SessionStatus::Failed && o.reason.is_some())
            .times(1)
            .returning(|_| Ok(observed(session(1), true)));
        mocks.wake_ups.expect_feed_grew().return_const(());
        mocks.wake_ups.expect_session_moved().return_const(());
        let spawn = SpawnSession::new(&mocks.ports(), &robot(Err("no engine")));
        assert!(matches!(spawn.execute(asked(), None).await, Err(SpawnSessionError::Provider(_))));
    }

    #[tokio::test]
    async fn an_agent_of_this_process_bears_the_name_of_its_replica() {
        let name = crate::text::ReplicaName::new("replica a").expect("valid");
        for (in_process, expected) in [(true, Some(name.clone())), (false, None)] {
            let mut provider = MockAgentProvider::new();
            provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
            provider.expect_check().returning(|_, _| Ok(()));
            provider.expect_spawn().returning(|_, _| Ok(()));
            let capable = Capabilities {
                pause: None,
                steer: false,
                queue: true,
                configure: false,
                approve: true,
                spawn: true,
                in_process,
            };
            provider.expect_capabilities().return_const(capable);
            let mut mocks = MockPorts::default();
            mocks
                .sessions
                .expect_register()
                .withf(move |r| r.replica == expected)
                .times(1)
                .returning(|_| Ok(Registered { session: session(1), created: true }));
            mocks.wake_ups.expect_feed_grew().return_const(());
            let providers = Providers::default().with(Arc::new(provider)).at_replica(name.clone());
            SpawnSession::new(&mocks.ports(), &providers).execute(asked(), None).await.expect("spawned");
        }
    }

    #[tokio::test]
    async fn an_unknown_provider_leaves_no_trace() {
        let mut mocks = MockPorts::default();
        mocks.provider_configs.expect_provider_config().returning(|_| Ok(None));
        mocks.provider_configs.expect_provider_configs().returning(|| Ok(Vec::new()));
        let spawn = SpawnSession::new(&mocks.ports(), &Providers::default());
        let refused = spawn.execute(asked(), None).await;
        assert!(matches!(refused, Err(SpawnSessionError::Resolve(ResolveError::UnknownProvider(_)))));
    }
}
