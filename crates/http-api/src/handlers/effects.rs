//! Waiting for the effect of a control call.

use std::time::Duration;

use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, Wish};
use flightdeck_domain::ports::TargetQuery;
use flightdeck_domain::session::Session;
use flightdeck_domain::use_cases::{Providers, ReadOperations, ReadSessions};
use tokio::time::Instant;

use super::waiting::{Look, Pace, Waiting};
use crate::problem::ApiError;

/// How many open targets of an operation are read.
const LOOKED_AT: usize = 100;

/// How long a control call waits for its effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For agents that report from elsewhere, each at a time of its own choice.
    elsewhere: Duration,
    /// For agents that this server runs.
    here: Duration,
}

/// Where effects are observed.
#[derive(Clone)]
pub(crate) struct Effects {
    pub(crate) waiting: Waiting,
    pub(crate) sessions: ReadSessions,
    pub(crate) operations: ReadOperations,
    pub(crate) providers: Providers,
    /// How long a call waits by default.
    pub(crate) control_wait: Duration,
    /// The same for a wish that ends a turn or an agent that this server runs.
    pub(crate) ending_wait: Duration,
}

impl Effects {
    /// The time that the caller gives, otherwise the default of the wish.
    pub(super) fn patience(&self, asked: Option<Duration>, wish: Wish) -> Patience {
        let elsewhere = asked.unwrap_or(self.control_wait);
        let here = match wish {
            Wish::Kill | Wish::Interrupt => asked.unwrap_or(self.ending_wait),
            Wish::Pause | Wish::Resume => elsewhere,
        };
        Patience { elsewhere, here }
    }

    /// Waits until the session is as wished, or has ended; gives its newest state.
    pub(super) async fn observed(
        &self,
        id: SessionId,
        patience: Patience,
        wished: impl Fn(&Session) -> bool,
    ) -> Result<Session, ApiError> {
        let begun = Instant::now();
        let (waiting, pace) = (&self.waiting, Pace::at_hints(Duration::from_millis(250)));
        let seen = waiting.look_until(waiting.hints.feed(), pace, async || {
            let session = self.sessions.one(id).await?.ok_or_else(|| ApiError::no_session(id))?;
            if wished(&session) || session.status.is_terminal() {
                return Ok(Look::Found(session));
            }
            let patience = if self.runs_here(&session) { patience.here } else { patience.elsewhere };
            Ok(Look::NotYet(session, begun + patience))
        });
        seen.await
    }

    /// Waits until no target of an operation is open; gives its newest state.
    pub(super) async fn settled(&self, id: OperationId, patience: Patience) -> Result<Operation, ApiError> {
        let begun = Instant::now();
        let mut until = begun + patience.elsewhere;
        // At most twenty looks a second, however many sessions move at once.
        let pace = Pace { rest: Duration::from_millis(50), again: Duration::from_millis(250) };
        let seen = self.waiting.look_until(self.waiting.hints.feed(), pace, async || {
            let last = begun + patience.here;
            // Asked before the operation is read: an agent that ends in between has settled its target by then.
            if until < last && Instant::now() >= until && self.waits_for_us(id).await? {
                until = last;
            }
            let operation = self.operations.one(id).await?.ok_or_else(|| ApiError::no_operation(id))?;
            if operation.completed_at.is_some() {
                return Ok(Look::Found(operation));
            }
            Ok(Look::NotYet(operation, until))
        });
        seen.await
    }

    /// Whether an agent that this server runs is among the open targets.
    async fn waits_for_us(&self, operation: OperationId) -> Result<bool, ApiError> {
        let query = TargetQuery { operation, unseen_only: true, missions: None, after: None, limit: LOOKED_AT };
        for target in self.operations.targets(query).await?.targets {
            let session = self.sessions.one(target.session_id).await?;
            if session.is_some_and(|session| !session.status.is_terminal() && self.runs_here(&session)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn runs_here(&self, session: &Session) -> bool {
        self.providers.get(&session.provider).is_ok_and(|provider| provider.capabilities().in_process)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use flightdeck_domain::operation::{Scope, Tally};
    use flightdeck_domain::operator::Actor;
    use flightdeck_domain::ports::{
        MockOperationRepository, MockSessionRepository, OperationRepository, SessionRepository, TargetPage,
    };
    use flightdeck_domain::time::Timestamp;
    use flightdeck_live::Hints;
    use tokio_util::sync::CancellationToken;
    use uuid::Uuid;

    use super::*;

    /// The last agent ends between two reads of one look: its target is not open any more, and the operation is complete.
    #[tokio::test]
    async fn what_settles_while_it_is_looked_at_is_seen() {
        let id = OperationId::new(Uuid::from_u128(1));
        let settled = Arc::new(AtomicBool::new(false));
        let open = Operation {
            id,
            wish: Wish::Kill,
            scope: Scope::Fleet,
            actor: Actor::system(),
            reason: None,
            requested_at: Timestamp::FIRST,
            tally: Tally { total: 1, open: 1, ..Tally::default() },
            completed_at: None,
        };
        let mut operations = MockOperationRepository::new();
        let seen = settled.clone();
        operations.expect_operation().returning(move |_| {
            let completed_at = seen.load(Ordering::SeqCst).then_some(Timestamp::FIRST);
            Ok(Some(Operation { completed_at, ..open.clone() }))
        });
        operations.expect_targets().returning(move |_| {
            settled.store(true, Ordering::SeqCst);
            Ok(TargetPage { targets: Vec::new(), next: None })
        });
        let operations: Arc<dyn OperationRepository> = Arc::new(operations);
        let sessions: Arc<dyn SessionRepository> = Arc::new(MockSessionRepository::new());
        let effects = Effects {
            waiting: Waiting { hints: Arc::new(Hints::default()), shutdown: CancellationToken::new() },
            sessions: ReadSessions::new(&sessions),
            operations: ReadOperations::new(&operations),
            providers: Providers::default(),
            control_wait: Duration::ZERO,
            ending_wait: Duration::from_secs(20),
        };
        let found = effects.settled(id, effects.patience(None, Wish::Kill)).await.unwrap_or_else(|e| panic!("{e:?}"));
        assert!(found.completed_at.is_some());
    }
}
