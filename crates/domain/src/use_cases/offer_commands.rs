//! Hands commands that another replica has committed to the agents that run in this one.

use std::sync::Arc;

use super::{Has, Providers};
use crate::feed::FleetEventKind;
use crate::ids::{CommandSeq, FeedPosition, SessionId};
use crate::ports::{
    AgentProvider, CommandQueue, FleetFeed, SessionFilter, SessionQuery, SessionRepository, StoreUnavailable,
};
use crate::session::{Session, SessionStatus};

/// The largest number of events, sessions and commands in memory at a time.
const PAGE: usize = 500;

/// Reads the fleet feed, and hands over the commands for agents of this process. A provider ignores a command that it
/// already has, so commands that this replica has handed over itself do no harm.
pub struct OfferCommands {
    feed: Arc<dyn FleetFeed>,
    sessions: Arc<dyn SessionRepository>,
    commands: Arc<dyn CommandQueue>,
    providers: Providers,
    /// The last event that was read.
    cursor: FeedPosition,
}

impl OfferCommands {
    /// Begins at the end of the feed: [`super::Reconcile`] hands over earlier commands, or agents find them when they
    /// start.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn begin<P>(ports: &P, providers: &Providers) -> Result<Self, StoreUnavailable>
    where
        P: Has<dyn FleetFeed> + Has<dyn SessionRepository> + Has<dyn CommandQueue> + Sync,
    {
        let feed: Arc<dyn FleetFeed> = ports.port();
        let cursor = feed.head().await?;
        Ok(Self { feed, sessions: ports.port(), commands: ports.port(), providers: providers.clone(), cursor })
    }

    /// Reads all events since the last call. Returns how many commands were handed over.
    ///
    /// # Errors
    /// The store is not available; the next call continues at the same place.
    pub async fn execute(&mut self) -> Result<u64, StoreUnavailable> {
        let mut offered = 0;
        loop {
            let events = self.feed.after(self.cursor, PAGE).await?;
            for event in &events {
                match (event.kind, event.session_id) {
                    (FleetEventKind::Action, Some(session)) => offered += self.of_session(session).await?,
                    (FleetEventKind::KillSwitch, _) => offered += self.of_all().await?,
                    _ => {}
                }
                self.cursor = event.position;
            }
            if events.len() < PAGE {
                return Ok(offered);
            }
        }
    }

    async fn of_session(&self, id: SessionId) -> Result<u64, StoreUnavailable> {
        let session = SessionRepository::get(&*self.sessions, id).await?;
        let here = session.filter(|session| session.replica.as_ref() == self.providers.replica());
        match here.as_ref().map(|session| (session, self.providers.get(&session.provider))) {
            Some((session, Ok(provider))) if provider.capabilities().in_process => {
                self.offer(&**provider, session).await
            }
            _ => Ok(0),
        }
    }

    /// A kill of all is one event for every session.
    async fn of_all(&self) -> Result<u64, StoreUnavailable> {
        let mut offered = 0;
        for provider in self.providers.iter().filter(|provider| provider.capabilities().in_process) {
            let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
            let filter = SessionFilter { provider: Some(provider.name()), statuses, ..SessionFilter::default() };
            let mut after = None;
            loop {
                let page = self
                    .sessions
                    .list(SessionQuery { filter: filter.clone(), after, limit: PAGE, heads_only: true })
                    .await?;
                for session in &page.sessions {
                    if session.replica.as_ref() == self.providers.replica() {
                        offered += self.offer(&**provider, session).await?;
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(offered)
    }

    async fn offer(&self, provider: &dyn AgentProvider, session: &Session) -> Result<u64, StoreUnavailable> {
        let (mut offered, mut after) = (0, CommandSeq::ZERO);
        loop {
            let pending = self.commands.pending(session.id, after, PAGE).await?.unwrap_or_default();
            for command in &pending {
                // An agent that is gone has said so, or its lease will.
                if provider.deliver(command, None).await.is_err() {
                    return Ok(offered);
                }
                offered += 1;
                after = command.seq;
            }
            if pending.len() < PAGE {
                return Ok(offered);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, CommandKind};
    use crate::feed::{FleetEvent, FleetEventDraft};
    use crate::fixtures::{at, command, session, session_id};
    use crate::ports::{Capabilities, MockAgentProvider, SessionPage};
    use crate::text::{ProviderName, ReplicaName};
    use crate::use_cases::testing::MockPorts;

    fn robot() -> ProviderName {
        ProviderName::new("robot").expect("valid")
    }

    fn replica(name: &str) -> ReplicaName {
        ReplicaName::new(name).expect("valid")
    }

    /// A session of the robot at a replica.
    fn at_replica(n: u128, name: &str) -> Session {
        Session { provider: robot(), replica: Some(replica(name)), ..session(n) }
    }

    fn action(n: u128, position: u64) -> FleetEvent {
        let event = FleetEventDraft::action(
            &session(n),
            crate::action::ActionName::Kill,
            &crate::operator::Actor::system(),
            None,
            at(1),
        );
        event.at_position(FeedPosition::new(position))
    }

    fn kill_all(position: u64) -> FleetEvent {
        let event = FleetEventDraft::kill_switch(true, 2, &crate::operator::Actor::system(), at(1));
        event.at_position(FeedPosition::new(position))
    }

    /// Runs one look over these events at the replica `here`, which is to hand over the kills of these sessions.
    async fn look(mut mocks: MockPorts, events: Vec<FleetEvent>, expected: &'static [u128]) -> OfferCommands {
        mocks.feed.expect_head().returning(|| Ok(FeedPosition::new(4)));
        mocks.feed.expect_after().withf(|after, _| after.get() == 4).times(1).return_once(move |_, _| Ok(events));
        mocks
            .commands
            .expect_pending()
            .times(expected.len())
            .returning(|session_id, _, _| Ok(Some(vec![Command { session_id, ..command(1, CommandKind::Kill) }])));
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(robot);
        provider.expect_capabilities().returning(|| Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process: true,
        });
        let theirs = |command: &Command| expected.iter().any(|n| session_id(*n) == command.session_id);
        provider
            .expect_deliver()
            .withf(move |command, _| theirs(command))
            .times(expected.len())
            .returning(|_, _| Ok(()));
        let providers = Providers::default().with(Arc::new(provider)).at_replica(replica("here"));
        let mut offer = OfferCommands::begin(&mocks.ports(), &providers).await.expect("begun");
        assert_eq!(offer.execute().await.expect("looked"), u64::try_from(expected.len()).expect("small"));
        offer
    }

    #[tokio::test]
    async fn what_another_replica_asks_of_an_agent_here_is_handed_over() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_get().times(2).returning(|id| {
            let n = id.as_uuid().as_u128();
            Ok(Some(at_replica(n, if n == 1 { "here" } else { "elsewhere" })))
        });
        let offer = look(mocks, vec![action(1, 5), action(2, 6)], &[1]).await;
        assert_eq!(offer.cursor, FeedPosition::new(6));
    }

    #[tokio::test]
    async fn a_kill_of_all_reaches_every_agent_here() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_list().withf(|query| query.filter.provider == Some(robot())).times(1).returning(|_| {
            let sessions = vec![at_replica(1, "here"), at_replica(2, "elsewhere"), at_replica(3, "here")];
            Ok(SessionPage { sessions, next: None, as_of: FeedPosition::ZERO })
        });
        look(mocks, vec![kill_all(5)], &[1, 3]).await;
    }
}
