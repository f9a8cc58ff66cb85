//! An operator steps in on the whole fleet: kill all, release the kill switch.

use std::sync::Arc;

use super::{Ports, Providers};
use crate::action::Attribution;
use crate::command::CommandKind;
use crate::ids::CommandSeq;
use crate::operator::Actor;
use crate::ports::{
    Clock, CommandQueue, FleetAction, FleetCommitted, FleetIntervention, OperatorActions, SessionFilter, SessionQuery,
    SessionRepository, StoreUnavailable, WakeUps,
};
use crate::session::{DesiredStatus, Session, SessionStatus};
use crate::text::{Reason, RequestId};

/// How far a kill of the whole fleet has come.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetProgress {
    /// How many sessions are still not seen dead.
    pub remaining: u64,
    /// Some of them, newest first.
    pub examples: Vec<Session>,
}

/// Steps in on the whole fleet.
#[derive(Clone)]
pub struct InterveneFleet {
    actions: Arc<dyn OperatorActions>,
    sessions: Arc<dyn SessionRepository>,
    commands: Arc<dyn CommandQueue>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    providers: Providers,
}

const NOT_ENDED: [SessionStatus; 6] = [
    SessionStatus::Spawning,
    SessionStatus::Running,
    SessionStatus::Idle,
    SessionStatus::Waiting,
    SessionStatus::Paused,
    SessionStatus::Lost,
];
const PAGE: usize = 500;
const EXAMPLES: usize = 100;

impl InterveneFleet {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports, providers: &Providers) -> Self {
        Self {
            actions: Arc::clone(&ports.actions),
            sessions: Arc::clone(&ports.sessions),
            commands: Arc::clone(&ports.commands),
            wake_ups: Arc::clone(&ports.wake_ups),
            clock: Arc::clone(&ports.clock),
            providers: providers.clone(),
        }
    }

    /// Commits the intervention with its audit entry; for a kill, every provider then gets its commands.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        intervention: FleetIntervention,
        actor: Actor,
        reason: Option<Reason>,
        request_id: RequestId,
    ) -> Result<FleetCommitted, StoreUnavailable> {
        let by = Attribution { actor, reason, request_id, at: self.clock.now() };
        let committed = self.actions.commit_fleet(FleetAction { intervention, by }).await?;
        self.wake_ups.feed_grew();
        if intervention == FleetIntervention::KillAll {
            self.hand_over_kills().await?;
        }
        Ok(committed)
    }

    /// How many sessions that are to be dead are not seen dead yet.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn progress(&self) -> Result<FleetProgress, StoreUnavailable> {
        let filter = not_ended();
        let remaining = self.sessions.count(filter.clone()).await?;
        let page = self.sessions.list(SessionQuery { filter, after: None, limit: EXAMPLES }).await?;
        Ok(FleetProgress { remaining, examples: page.sessions })
    }

    async fn hand_over_kills(&self) -> Result<(), StoreUnavailable> {
        let mut after = None;
        loop {
            let page = self.sessions.list(SessionQuery { filter: not_ended(), after, limit: PAGE }).await?;
            for session in page.sessions.iter().filter(|session| session.desired_status == DesiredStatus::Killed) {
                self.wake_ups.command_queued(session.id);
                self.hand_over_kill(session).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn hand_over_kill(&self, session: &Session) -> Result<(), StoreUnavailable> {
        let Ok(provider) = self.providers.get(&session.provider) else { return Ok(()) };
        let before_last = CommandSeq::new(session.last_command_seq.get().saturating_sub(1));
        let pending = self.commands.pending(session.id, before_last, 1).await?.unwrap_or_default();
        for command in pending.iter().filter(|command| command.kind == CommandKind::Kill) {
            // A provider that does not run it any more leaves the command in the queue; progress tells.
            let _ = provider.deliver(command, None).await;
        }
        Ok(())
    }
}

fn not_ended() -> SessionFilter {
    SessionFilter { statuses: NOT_ENDED.to_vec(), ..SessionFilter::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{command, session, session_id};
    use crate::ids::{AuditSeq, FeedPosition};
    use crate::ports::{MockAgentProvider, SessionCursor, SessionPage};
    use crate::text::ProviderName;
    use crate::use_cases::testing::MockPorts;

    fn dying(n: u128) -> Session {
        Session {
            desired_status: DesiredStatus::Killed,
            last_command_seq: CommandSeq::new(1),
            provider: ProviderName::new("robot").expect("valid"),
            ..session(n)
        }
    }

    #[tokio::test]
    async fn every_page_of_the_fleet_gets_its_kill() {
        let mut mocks = MockPorts::default();
        mocks
            .actions
            .expect_commit_fleet()
            .times(1)
            .returning(|_| Ok(FleetCommitted { total: 2, audit_seq: AuditSeq::new(1) }));
        mocks.sessions.expect_list().times(2).returning(|query| {
            let first = query.after.is_none();
            let shown = dying(if first { 2 } else { 1 });
            let next = first.then_some(SessionCursor { spawned_at: shown.spawned_at, id: shown.id });
            Ok(SessionPage { sessions: vec![shown], next, as_of: FeedPosition::ZERO })
        });
        mocks.commands.expect_pending().times(2).returning(|_, _, _| Ok(Some(vec![command(1, CommandKind::Kill)])));
        mocks.wake_ups.expect_feed_grew().return_const(());
        mocks.wake_ups.expect_command_queued().times(2).return_const(());
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
        provider.expect_deliver().times(2).returning(|_, _| Ok(()));
        let providers = Providers::default().with(Arc::new(provider));
        let request = RequestId::new("req-1").expect("valid");
        let done = InterveneFleet::new(&mocks.ports(), &providers)
            .execute(FleetIntervention::KillAll, Actor::system(), None, request)
            .await;
        assert_eq!(done.expect("done").total, 2);
    }

    #[tokio::test]
    async fn progress_counts_what_is_not_seen_dead() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_count().returning(|_| Ok(1));
        mocks
            .sessions
            .expect_list()
            .returning(|_| Ok(SessionPage { sessions: vec![dying(1)], next: None, as_of: FeedPosition::ZERO }));
        let fleet = InterveneFleet::new(&mocks.ports(), &Providers::default());
        let progress = fleet.progress().await.expect("answered");
        assert_eq!((progress.remaining, progress.examples[0].id), (1, session_id(1)));
    }
}
