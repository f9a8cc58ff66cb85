//! After a start: sessions whose agents lived in the process before cannot be at work any more.

use std::sync::Arc;

use super::{Ports, Providers, ReportStatus};
use crate::ports::{ObserveError, SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::SessionStatus;
use crate::text::Reason;

/// Brings the record in line with what can be true after a start.
#[derive(Clone)]
pub struct Reconcile {
    sessions: Arc<dyn SessionRepository>,
    report: ReportStatus,
    providers: Providers,
}

const PAGE: usize = 500;

impl Reconcile {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports, providers: &Providers) -> Self {
        Self { sessions: Arc::clone(&ports.sessions), report: ReportStatus::new(ports), providers: providers.clone() }
    }

    /// Marks every session of an in-process provider that has not ended as `failed`, and says how many there were.
    /// Called once, before anything is spawned.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<u64, StoreUnavailable> {
        let mut ended = 0;
        for provider in self.providers.iter().filter(|provider| provider.capabilities().in_process) {
            let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
            let filter = SessionFilter { provider: Some(provider.name()), statuses, ..SessionFilter::default() };
            let mut after = None;
            loop {
                let page = self.sessions.list(SessionQuery { filter: filter.clone(), after, limit: PAGE }).await?;
                for session in &page.sessions {
                    let reason = Reason::new("the server that ran this agent was restarted").ok();
                    match self.report.execute(session.id, SessionStatus::Failed, reason).await {
                        Ok(_) => ended += 1,
                        Err(ObserveError::Unavailable(cause)) => return Err(cause),
                        Err(ObserveError::UnknownSession(_) | ObserveError::Illegal(_)) => {}
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{observed, session};
    use crate::ids::FeedPosition;
    use crate::ports::{Capabilities, MockAgentProvider, SessionPage};
    use crate::text::ProviderName;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn only_agents_of_this_process_are_failed() {
        let mut mocks = MockPorts::default();
        mocks
            .sessions
            .expect_list()
            .withf(|query| query.filter.provider.as_ref().map(ProviderName::as_str) == Some("robot"))
            .times(1)
            .returning(|_| Ok(SessionPage { sessions: vec![session(1)], next: None, as_of: FeedPosition::ZERO }));
        mocks
            .sessions
            .expect_observe()
            .withf(|o| o.status == SessionStatus::Failed)
            .times(1)
            .returning(|_| Ok(observed(session(1), true)));
        mocks.wake_ups.expect_session_moved().return_const(());
        mocks.wake_ups.expect_feed_grew().return_const(());
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
        provider.expect_capabilities().returning(|| Capabilities {
            pause: None,
            steer: false,
            queue: true,
            spawn: true,
            in_process: true,
        });
        let providers = Providers::default().with(Arc::new(provider));
        assert_eq!(Reconcile::new(&mocks.ports(), &providers).execute().await.expect("done"), 1);
    }
}
