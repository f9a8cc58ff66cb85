//! A stop that cannot be written reaches the agents of this process without the queue.

use std::sync::Arc;

use super::{Has, Providers};
use crate::action::{ActionRefused, OperatorAction};
use crate::command::{Command, CommandKind, Receipt};
use crate::ids::{CommandSeq, SessionId};
use crate::operation::{Operation, Scope, ScopedAction, Tally, Wish};
use crate::ports::{SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::{DesiredStatus, Session, SessionStatus};
use crate::text::Reason;
use crate::time::Timestamp;

const PAGE: usize = 500;

/// An intervention that is durable, in the store or in the spool.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken<T> {
    /// What was committed, or what will be committed if it is kept.
    pub committed: T,
    /// Whether it is in the spool because the store could not be written. The agents of this process have been told;
    /// others are told as soon as the store is available. Until then the store has no trace of it, and none of its
    /// operation.
    pub kept: bool,
}

impl<T> Taken<T> {
    pub(super) const fn at_once(committed: T) -> Self {
        Self { committed, kept: false }
    }

    pub(super) const fn kept(committed: T) -> Self {
        Self { committed, kept: true }
    }
}

/// The wish, its reason, and its time.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) wish: Wish,
    pub(super) reason: Option<Reason>,
    pub(super) at: Timestamp,
}

/// Stops the agents of this process while the store can at best be read. Their providers obey at once; their reports
/// wait until the store is available.
#[derive(Clone)]
pub(super) struct StopDirectly {
    sessions: Arc<dyn SessionRepository>,
    providers: Providers,
}

impl StopDirectly {
    pub(super) fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository>,
    {
        Self { sessions: ports.port(), providers: providers.clone() }
    }

    /// Tells the agent of one session, and gives the session with its new desired status. `None` when the store cannot
    /// be read; the agent is still told.
    pub(super) async fn one(&self, action: &OperatorAction) -> Result<Option<Session>, ActionRefused> {
        let Some(wish) = Wish::of(&action.intervention) else { return Ok(None) };
        let told = Told { wish, reason: action.by.reason.clone(), at: action.by.at };
        let wished = match self.sessions.get(action.session_id).await {
            Ok(session) => Some(action.decide(session.as_ref(), &[]).outcome?.session),
            Err(_) => None,
        };
        self.tell(action.session_id, &told).await;
        Ok(wished)
    }

    /// Tells the agents of a scope, and gives the operation as it will begin; `None` when the sessions of the scope
    /// cannot be read.
    pub(super) async fn around(&self, action: &ScopedAction) -> Result<Option<Operation>, ActionRefused> {
        let told = Told { wish: action.wish, reason: action.by.reason.clone(), at: action.by.at };
        let Ok(named) = self.sessions.get(action.session_id).await else {
            self.tell(action.session_id, &told).await;
            return Ok(None);
        };
        let scope = action.scope(named.as_ref())?;
        let filter = match &scope {
            Scope::Mission(mission) => SessionFilter { mission_id: Some(mission.clone()), ..SessionFilter::default() },
            _ => SessionFilter { subtree: Some(action.session_id), ..SessionFilter::default() },
        };
        let Ok(total) = self.all(filter, &told).await else { return Ok(None) };
        let tally = Tally { total, open: total, ..Tally::default() };
        Ok(Some(Operation::begin(action.operation, action.wish, scope, &action.by, tally)))
    }

    /// Tells the agents of all sessions that have not ended, and gives their number. The newest come first, because
    /// they are below the sessions that spawned them.
    ///
    /// # Errors
    /// The sessions cannot be read. Some agents may have been told.
    pub(super) async fn all(&self, filter: SessionFilter, told: &Told) -> Result<u64, StoreUnavailable> {
        let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
        let filter = SessionFilter { statuses, ..filter };
        let (mut total, mut after) = (0, None);
        loop {
            let query = SessionQuery { filter: filter.clone(), after, limit: PAGE, heads_only: true };
            let page = self.sessions.list(query).await?;
            for session in &page.sessions {
                total += 1;
                // Of one that is to die nothing else is wished.
                if told.wish == Wish::Kill || session.desired_status != DesiredStatus::Killed {
                    self.tell(session.id, told).await;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(total);
            }
        }
    }

    async fn tell(&self, session_id: SessionId, told: &Told) {
        let Told { wish, reason, at } = told;
        let command = Command {
            session_id,
            // It has no place in the queue.
            seq: CommandSeq::ZERO,
            kind: if *wish == Wish::Pause { CommandKind::Pause } else { CommandKind::Kill },
            reason: reason.clone(),
            receipt: Receipt::Accepted,
            created_at: *at,
            updated_at: *at,
        };
        for provider in self.providers.iter().filter(|provider| provider.capabilities().in_process) {
            // One that does not run it has nothing to stop.
            let _ = provider.deliver(&command, None).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{ActionName, Intervention};
    use crate::fixtures::{at, attribution, operation_id, session, session_id};
    use crate::ids::FeedPosition;
    use crate::operation::Reach;
    use crate::ports::{Capabilities, MockAgentProvider, SessionCursor, SessionPage};
    use crate::text::ProviderName;
    use crate::use_cases::testing::MockPorts;

    /// A provider that is to be told `kind` for these sessions, in this order.
    fn told(kind: &CommandKind, sessions: &[u128]) -> Providers {
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
        let capable = Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process: true,
        };
        provider.expect_capabilities().return_const(capable);
        let mut order = mockall::Sequence::new();
        for n in sessions {
            let (kind, id) = (kind.clone(), session_id(*n));
            let as_told = move |command: &Command, _: &Option<_>| {
                (command.session_id, command.seq, &command.kind) == (id, CommandSeq::ZERO, &kind)
            };
            provider.expect_deliver().withf(as_told).times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
        }
        Providers::default().with(Arc::new(provider))
    }

    fn one(intervention: Intervention) -> OperatorAction {
        let by = attribution("because");
        OperatorAction { session_id: session_id(1), intervention, operation: None, able: None, by }
    }

    #[tokio::test]
    async fn the_agent_is_told_whether_or_not_the_store_can_be_read() {
        for (intervention, kind) in [(Intervention::Kill, CommandKind::Kill), (Intervention::Pause, CommandKind::Pause)]
        {
            let mut mocks = MockPorts::default();
            mocks.sessions.expect_get().times(1).returning(|_| Ok(Some(session(1))));
            let directly = StopDirectly::new(&mocks.ports(), &told(&kind, &[1]));
            let wished = directly.one(&one(intervention.clone())).await.expect("allowed").expect("read");
            assert_eq!(wished.desired_status.as_str(), if kind == CommandKind::Kill { "killed" } else { "paused" });

            let mut mocks = MockPorts::default();
            mocks.sessions.expect_get().times(1).returning(|_| Err(StoreUnavailable::new("away")));
            let directly = StopDirectly::new(&mocks.ports(), &told(&kind, &[1]));
            assert_eq!(directly.one(&one(intervention)).await.expect("allowed"), None);
        }
    }

    #[tokio::test]
    async fn what_a_rule_forbids_is_told_to_nobody() {
        let mut mocks = MockPorts::default();
        let dying = Session { desired_status: DesiredStatus::Killed, ..session(1) };
        mocks.sessions.expect_get().times(1).returning(move |_| Ok(Some(dying.clone())));
        let directly = StopDirectly::new(&mocks.ports(), &told(&CommandKind::Pause, &[]));
        assert!(matches!(directly.one(&one(Intervention::Pause)).await, Err(ActionRefused::BeingKilled(_))));
    }

    #[tokio::test]
    async fn a_scope_is_told_page_by_page_the_newest_first() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_get().times(1).returning(|_| Ok(Some(session(1))));
        mocks.sessions.expect_list().times(2).returning(|query| {
            assert_eq!(query.filter.subtree, Some(session_id(1)));
            assert!(query.heads_only && !query.filter.statuses.contains(&SessionStatus::Completed));
            let next = SessionCursor { spawned_at: at(0), id: session_id(2) };
            let (sessions, next) = match query.after {
                None => {
                    let dying = Session { desired_status: DesiredStatus::Killed, ..session(4) };
                    (vec![dying, session(3), session(2)], Some(next))
                }
                Some(_) => (vec![session(1)], None),
            };
            Ok(SessionPage { sessions, next, as_of: FeedPosition::ZERO })
        });
        let directly = StopDirectly::new(&mocks.ports(), &told(&CommandKind::Pause, &[3, 2, 1]));
        let (operation, by) = (operation_id(7), attribution("because"));
        let (session_id, reach, wish) = (session_id(1), Reach::Subtree, Wish::Pause);
        let action = ScopedAction { operation, session_id, reach, wish, drop_queued: false, by };
        let begun = directly.around(&action).await.expect("allowed").expect("read");
        assert_eq!((begun.id, begun.tally.total, begun.tally.open), (operation_id(7), 4, 4));
        assert_eq!(action.wish.name(), ActionName::Pause);
    }
}
