//! A runtime reports the status of a session that it observes.

use std::sync::Arc;

use super::Has;
use crate::ids::SessionId;
use crate::message::Control;
use crate::ports::{Clock, IdGenerator, ObserveError, ObservedSession, SessionRepository, StoreUnavailable, WakeUps};
use crate::session::{Observation, SessionStatus};
use crate::text::{ProviderSessionId, Reason};

/// Accepts observed statuses and signs of life.
#[derive(Clone)]
pub struct ReportStatus {
    sessions: Arc<dyn SessionRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl ReportStatus {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { sessions: ports.port(), wake_ups: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Records that a session was observed in a status, and gives its desired status. A repeated status is a sign of
    /// life.
    ///
    /// # Errors
    /// The session is unknown, the move is illegal, or the store is not available.
    pub async fn execute(
        &self,
        session_id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
    ) -> Result<ObservedSession, ObserveError> {
        self.introduced(session_id, status, reason, None).await
    }

    /// The same, with the provider's own id of the session, which is stored.
    ///
    /// # Errors
    /// As with [`ReportStatus::execute`].
    pub async fn introduced(
        &self,
        session_id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
        provider_session_id: Option<ProviderSessionId>,
    ) -> Result<ObservedSession, ObserveError> {
        let (message_id, at) = (self.ids.message_id(), self.clock.now());
        let observation = Observation { session_id, status, reason, provider_session_id, message_id, at };
        let observed = self.sessions.observe(observation).await?;
        if observed.changed {
            self.wake_ups.session_moved(session_id, observed.session.last_seq);
            self.wake_ups.feed_grew();
        }
        Ok(observed)
    }

    /// Records a sign of life and gives the desired status; `None` when there is no such session.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn heartbeat(&self, session_id: SessionId) -> Result<Option<Control>, StoreUnavailable> {
        let Some(heard) = self.sessions.heartbeat(session_id, self.clock.now()).await? else { return Ok(None) };
        if let Some(seq) = heard.came_back {
            self.wake_ups.session_moved(session_id, seq);
            self.wake_ups.feed_grew();
        }
        Ok(Some(heard.control))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, message_id, observed, session, session_id};
    use crate::ids::Seq;
    use crate::ports::Heard;
    use crate::session::{DesiredStatus, IllegalTransition, Session};
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn a_change_wakes_followers_of_the_session_and_of_the_fleet() {
        let mut mocks = MockPorts::default();
        mocks
            .sessions
            .expect_observe()
            .withf(|o| o.message_id == message_id(900) && o.at == at(0))
            .times(1)
            .returning(|_| Ok(observed(Session { last_seq: Seq::new(8), ..session(1) }, true)));
        mocks
            .wake_ups
            .expect_session_moved()
            .withf(|id, seq| *id == session_id(1) && seq.get() == 8)
            .times(1)
            .return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        let report = ReportStatus::new(&mocks.ports());
        assert!(report.execute(session_id(1), SessionStatus::Idle, None).await.expect("taken").changed);
    }

    #[tokio::test]
    async fn a_heartbeat_wakes_followers_only_when_it_brings_a_session_back() {
        let control = Control { desired_status: DesiredStatus::Killed, pending_commands: 1 };
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_heartbeat().times(1).returning(move |_, _| Ok(Some(Heard { control, came_back: None })));
        let report = ReportStatus::new(&mocks.ports());
        assert_eq!(report.heartbeat(session_id(1)).await.expect("heard"), Some(control));

        let mut mocks = MockPorts::default();
        let heard = Heard { control, came_back: Some(Seq::new(8)) };
        mocks.sessions.expect_heartbeat().times(1).returning(move |_, _| Ok(Some(heard)));
        mocks.wake_ups.expect_session_moved().withf(|_, seq| seq.get() == 8).times(1).return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        let report = ReportStatus::new(&mocks.ports());
        assert_eq!(report.heartbeat(session_id(1)).await.expect("heard"), Some(control));
    }

    #[tokio::test]
    async fn nothing_new_and_an_illegal_move_wake_nobody() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_observe().times(1).returning(|_| Ok(observed(session(1), false)));
        let illegal = IllegalTransition { from: SessionStatus::Completed, to: SessionStatus::Running };
        mocks.sessions.expect_observe().times(1).returning(move |_| Err(illegal.into()));
        let report = ReportStatus::new(&mocks.ports());
        assert!(report.execute(session_id(1), SessionStatus::Running, None).await.is_ok());
        let refused = report.execute(session_id(1), SessionStatus::Running, None).await;
        assert!(matches!(refused, Err(ObserveError::Illegal(error)) if error == illegal));
    }
}
