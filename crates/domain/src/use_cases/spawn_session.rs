//! An agent is started through a provider.

use std::sync::Arc;

use super::{Has, NewSession, Providers, RegisterSession, ReportStatus, UnknownProvider};
use crate::ports::{
    Clock, IdGenerator, ObserveError, RegisterError, Registered, SessionRepository, SpawnError, StoreUnavailable,
    WakeUps,
};
use crate::session::SessionStatus;
use crate::text::{MessageContent, Reason};

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnSessionError {
    /// There is no such provider.
    #[error(transparent)]
    UnknownProvider(#[from] UnknownProvider),
    /// A rule of the tree forbids it, or the store cannot.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The provider cannot.
    #[error(transparent)]
    Provider(#[from] SpawnError),
}

/// Starts agents.
#[derive(Clone)]
pub struct SpawnSession {
    register: RegisterSession,
    report: ReportStatus,
    providers: Providers,
}

impl SpawnSession {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { register: RegisterSession::new(ports), report: ReportStatus::new(ports), providers: providers.clone() }
    }

    /// Writes the session down as `spawning`, then has its provider start the agent. When the start fails, the session
    /// is `failed` with the reason: it is never left `spawning` for ever.
    ///
    /// # Errors
    /// The provider is unknown or refuses, a rule of the tree forbids it, or the store is not available.
    pub async fn execute(
        &self,
        new: NewSession,
        prompt: Option<MessageContent>,
    ) -> Result<Registered, SpawnSessionError> {
        let provider = Arc::clone(self.providers.get(&new.provider)?);
        provider.check(&new.agent_type, &new.context).await?;
        let new = match self.providers.replica().filter(|_| provider.capabilities().in_process) {
            Some(replica) => NewSession { replica: Some(replica.clone()), ..new },
            None => new,
        };
        let registered = self.register.execute(new, SessionStatus::Spawning).await?;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{observed, session};
    use crate::ports::{Capabilities, MockAgentProvider};
    use crate::text::ProviderName;
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
            let capable =
                Capabilities { pause: None, steer: false, queue: true, approve: true, spawn: true, in_process };
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
        let mocks = MockPorts::default();
        let spawn = SpawnSession::new(&mocks.ports(), &Providers::default());
        assert!(matches!(spawn.execute(asked(), None).await, Err(SpawnSessionError::UnknownProvider(_))));
    }
}
