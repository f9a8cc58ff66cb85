//! The live sessions that an assignment still stands for.

use std::sync::Arc;

use super::Has;
use crate::ports::{RunnerRepository, SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::{Session, SessionStatus};
use crate::text::ProviderName;

/// Finds the live sessions of an assignment.
#[derive(Clone)]
pub(super) struct LiveOfRunners {
    runners: Arc<dyn RunnerRepository>,
    sessions: Arc<dyn SessionRepository>,
}

impl LiveOfRunners {
    /// So many sessions below an assigned one are read together.
    const PAGE: usize = 200;

    /// Takes the ports it needs.
    pub(super) fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn RunnerRepository> + Has<dyn SessionRepository>,
    {
        Self { runners: ports.port(), sessions: ports.port() }
    }

    /// The session of an assignment, while it is live, and the live ones below it that its runner has registered: those
    /// have no assignment of their own. Those below come first, the newest before the others, as they would have ended
    /// first.
    ///
    /// # Errors
    /// The store is not available.
    pub(super) async fn of(&self, session: &Session) -> Result<Vec<Session>, StoreUnavailable> {
        let filter = SessionFilter {
            subtree: Some(session.id),
            statuses: SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect(),
            provider: Some(ProviderName::runner()),
            ..SessionFilter::default()
        };
        let (mut after, mut live) = (None, Vec::new());
        loop {
            let query = SessionQuery { filter: filter.clone(), after, limit: Self::PAGE, heads_only: true };
            let page = self.sessions.list(query).await?;
            for below in page.sessions {
                if below.id != session.id && self.runners.assignment(below.id).await?.is_none() {
                    live.push(below);
                }
            }
            if page.next.is_none() {
                break;
            }
            after = page.next;
        }
        if !session.status.is_terminal() {
            live.push(session.clone());
        }
        Ok(live)
    }
}
