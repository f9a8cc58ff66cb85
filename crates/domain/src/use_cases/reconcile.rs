//! Runs after a start: sessions whose agents lived in the old process cannot be at work any more, and commands for the
//! others may not have reached them.

use std::sync::Arc;

use super::{Has, Providers, ReportStatus};
use crate::ids::CommandSeq;
use crate::ports::{
    AgentProvider, Clock, CommandQueue, IdGenerator, ObserveError, SessionFilter, SessionQuery, SessionRepository,
    StoreUnavailable, WakeUps,
};
use crate::session::{Session, SessionStatus};
use crate::text::{ProviderName, Reason};

/// Corrects the record after a start.
#[derive(Clone)]
pub struct Reconcile {
    sessions: Arc<dyn SessionRepository>,
    commands: Arc<dyn CommandQueue>,
    report: ReportStatus,
    providers: Providers,
}

/// The result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// How many sessions are failed, because their agents ended with the old process.
    pub ended: u64,
    /// How many commands were handed over again.
    pub offered: u64,
}

/// The largest number of sessions, and of commands of one session, in memory at a time.
const PAGE: usize = 500;

impl Reconcile {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository>
            + Has<dyn CommandQueue>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        Self {
            sessions: ports.port(),
            commands: ports.port(),
            report: ReportStatus::new(ports),
            providers: providers.clone(),
        }
    }

    /// Marks every session of an in-process provider that has not ended, and belongs to this replica, as `failed`.
    /// Every other provider gets the pending commands of its sessions again, in the order of each session, because a
    /// server that died between the commit and the hand-over left them in the queue. Agents that fetch their commands
    /// (`internal`) do so.
    ///
    /// Call it once, before anything is spawned and before anybody can step in: a later command must not overtake
    /// these.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<Reconciled, StoreUnavailable> {
        let mut done = Reconciled::default();
        for provider in self.providers.iter() {
            let name = provider.name();
            let in_process = provider.capabilities().in_process;
            if !in_process && name == ProviderName::internal() {
                continue;
            }
            let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
            let filter = SessionFilter { provider: Some(name), statuses, ..SessionFilter::default() };
            let mut after = None;
            loop {
                let page = self
                    .sessions
                    .list(SessionQuery { filter: filter.clone(), after, limit: PAGE, heads_only: true })
                    .await?;
                for session in &page.sessions {
                    if in_process {
                        // Those of another replica are at work, or their lease will tell.
                        if session.replica.as_ref() == self.providers.replica() {
                            done.ended += self.end(session).await?;
                        }
                    } else {
                        done.offered += self.offer(&**provider, session).await?;
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(done)
    }

    async fn end(&self, session: &Session) -> Result<u64, StoreUnavailable> {
        let reason = Reason::new("the server that ran this agent was restarted").ok();
        match self.report.execute(session.id, SessionStatus::Failed, reason).await {
            Ok(_) => Ok(1),
            Err(ObserveError::Unavailable(cause)) => Err(cause),
            Err(ObserveError::UnknownSession(_) | ObserveError::Illegal(_)) => Ok(0),
        }
    }

    async fn offer(&self, provider: &dyn AgentProvider, session: &Session) -> Result<u64, StoreUnavailable> {
        let (mut offered, mut after) = (0, CommandSeq::ZERO);
        // Most sessions never get a command.
        let mut more = session.last_command_seq > CommandSeq::ZERO;
        while more {
            let pending = self.commands.pending(session.id, after, PAGE).await?.unwrap_or_default();
            for command in &pending {
                // The provider does not run it any more, so it does not get the rest either; all of it stays in the queue.
                if provider.deliver(command, None).await.is_err() {
                    return Ok(offered);
                }
                offered += 1;
            }
            after = pending.last().map_or(after, |last| last.seq);
            more = pending.len() == PAGE;
        }
        Ok(offered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, CommandKind};
    use crate::fixtures::{command, observed, session, session_id};
    use crate::ids::{FeedPosition, SessionId};
    use crate::ports::{Capabilities, DeliverError, MockAgentProvider, SessionCursor, SessionPage};
    use crate::use_cases::testing::MockPorts;

    fn robot() -> ProviderName {
        ProviderName::new("robot").expect("valid")
    }

    fn provider(in_process: bool) -> MockAgentProvider {
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(robot);
        provider.expect_capabilities().returning(move || Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process,
        });
        provider
    }

    /// Sessions of the robot alone are asked for: the agents of `internal` fetch their commands.
    fn pages(mocks: &mut MockPorts, pages: Vec<Vec<Session>>) {
        let count = pages.len();
        let mut left = pages.into_iter();
        mocks
            .sessions
            .expect_list()
            .withf(|query| {
                query.filter.provider == Some(robot()) && !query.filter.statuses.is_empty() && query.limit == PAGE
            })
            .times(count)
            .returning(move |_| {
                let sessions = left.next().unwrap_or_default();
                let last = sessions.last().map(|last| SessionCursor { spawned_at: last.spawned_at, id: last.id });
                let next = last.filter(|_| left.len() > 0);
                Ok(SessionPage { sessions, next, as_of: FeedPosition::ZERO })
            });
    }

    async fn reconcile(mocks: MockPorts, provider: MockAgentProvider) -> Reconciled {
        let providers = Providers::default().with(Arc::new(provider));
        Reconcile::new(&mocks.ports(), &providers).execute().await.expect("done")
    }

    #[tokio::test]
    async fn only_agents_of_this_process_are_failed() {
        let mut mocks = MockPorts::default();
        pages(&mut mocks, vec![vec![commanded(1, 3)]]);
        mocks
            .sessions
            .expect_observe()
            .withf(|o| o.status == SessionStatus::Failed)
            .times(1)
            .returning(|_| Ok(observed(session(1), true)));
        mocks.wake_ups.expect_session_moved().return_const(());
        mocks.wake_ups.expect_feed_grew().return_const(());
        assert_eq!(reconcile(mocks, provider(true)).await, Reconciled { ended: 1, offered: 0 });
    }

    #[tokio::test]
    async fn agents_of_another_replica_are_left_alone() {
        let of = |name: &str| crate::text::ReplicaName::new(name).ok();
        let mut mocks = MockPorts::default();
        let sessions = [("here", 1), ("elsewhere", 2)];
        let sessions = sessions.map(|(name, n)| Session { replica: of(name), ..session(n) });
        pages(&mut mocks, vec![sessions.into_iter().chain([session(3)]).collect()]);
        mocks
            .sessions
            .expect_observe()
            .withf(|o| o.session_id == session_id(1))
            .times(1)
            .returning(|_| Ok(observed(session(1), true)));
        mocks.wake_ups.expect_session_moved().return_const(());
        mocks.wake_ups.expect_feed_grew().return_const(());
        let providers = Providers::default().with(Arc::new(provider(true))).at_replica(of("here").expect("valid"));
        let done = Reconcile::new(&mocks.ports(), &providers).execute().await.expect("done");
        assert_eq!(done, Reconciled { ended: 1, offered: 0 });
    }

    /// A session that was given so many commands.
    fn commanded(n: u128, count: u64) -> Session {
        Session { last_command_seq: CommandSeq::new(count), ..session(n) }
    }

    fn pending(session_id: SessionId, after: CommandSeq, up_to: u64) -> Vec<Command> {
        let seqs = after.next().get()..=up_to;
        seqs.take(PAGE).map(|seq| Command { session_id, ..command(seq, CommandKind::Pause) }).collect()
    }

    #[tokio::test]
    async fn what_is_pending_is_offered_again_in_order_a_page_at_a_time() {
        let mut mocks = MockPorts::default();
        pages(&mut mocks, vec![vec![commanded(1, 1_200), commanded(2, 0)], vec![commanded(3, 2)]]);
        // Three pages of the first; nothing is asked about the second, which never got a command.
        mocks.commands.expect_pending().times(4).returning(|id, after, limit| {
            assert_eq!(limit, PAGE);
            // Of the third the second one is settled already.
            let up_to = if id == session_id(1) { 1_200 } else { 1 };
            Ok(Some(pending(id, after, up_to)))
        });
        let mut provider = provider(false);
        let expected = (1..=1_200).map(|seq| (session_id(1), seq)).chain([(session_id(3), 1)]);
        let mut left: Vec<_> = expected.rev().collect();
        provider.expect_deliver().times(1_201).returning(move |command, message| {
            assert_eq!((Some((command.session_id, command.seq.get())), message), (left.pop(), None));
            Ok(())
        });
        assert_eq!(reconcile(mocks, provider).await, Reconciled { ended: 0, offered: 1_201 });
    }

    #[tokio::test]
    async fn a_session_that_is_not_running_keeps_its_commands_and_holds_up_nobody() {
        let mut mocks = MockPorts::default();
        pages(&mut mocks, vec![vec![commanded(1, 3), commanded(2, 3)]]);
        mocks.commands.expect_pending().times(2).returning(|id, after, _| Ok(Some(pending(id, after, 3))));
        let mut provider = provider(false);
        provider.expect_deliver().times(5).returning(|command, _| match (command.session_id, command.seq.get()) {
            (id, 2) if id == session_id(1) => Err(DeliverError::NotRunning(id)),
            (id, 3) if id == session_id(1) => panic!("what comes after must not overtake"),
            _ => Ok(()),
        });
        assert_eq!(reconcile(mocks, provider).await, Reconciled { ended: 0, offered: 4 });
    }
}
