//! How the effect of a control call is waited for.

use std::time::Duration;

use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, Wish};
use flightdeck_domain::ports::TargetQuery;
use flightdeck_domain::session::Session;
use flightdeck_domain::use_cases::{Providers, ReadOperations, ReadSessions};
use tokio::time::Instant;

use super::waiting::{Look, Pace, Waiting};
use crate::problem::ApiError;

/// How many open targets of an operation are looked at.
const LOOKED_AT: usize = 100;

/// How long a control call waits for its effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For agents that report from elsewhere, each at a moment of its own choice.
    elsewhere: Duration,
    /// For agents that this server runs.
    here: Duration,
}

/// Where effects are seen.
#[derive(Clone)]
pub(crate) struct Effects {
    pub(crate) waiting: Waiting,
    pub(crate) sessions: ReadSessions,
    pub(crate) operations: ReadOperations,
    pub(crate) providers: Providers,
    /// How long a call waits when the caller does not say.
    pub(crate) control_wait: Duration,
    /// The same for what ends a turn or an agent that this server runs.
    pub(crate) ending_wait: Duration,
}

impl Effects {
    /// As long as the caller says, else as long as what is wished for takes.
    pub(super) fn patience(&self, asked: Option<Duration>, wish: Wish) -> Patience {
        let elsewhere = asked.unwrap_or(self.control_wait);
        let here = match wish {
            Wish::Kill | Wish::Interrupt => asked.unwrap_or(self.ending_wait),
            Wish::Pause | Wish::Resume => elsewhere,
        };
        Patience { elsewhere, here }
    }

    /// Waits until the session is as wished, or has ended; gives the session as it was last seen.
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

    /// Waits until nothing of an operation is open; gives it as it was last seen.
    pub(super) async fn settled(&self, id: OperationId, patience: Patience) -> Result<Operation, ApiError> {
        let begun = Instant::now();
        let mut until = begun + patience.elsewhere;
        // At most twenty looks a second, however many sessions move at once.
        let pace = Pace { rest: Duration::from_millis(50), again: Duration::from_millis(250) };
        let seen = self.waiting.look_until(self.waiting.hints.feed(), pace, async || {
            let operation = self.operations.one(id).await?.ok_or_else(|| ApiError::no_operation(id))?;
            if operation.completed_at.is_some() {
                return Ok(Look::Found(operation));
            }
            let last = begun + patience.here;
            if until < last && Instant::now() >= until && self.waits_for_us(id).await? {
                until = last;
            }
            Ok(Look::NotYet(operation, until))
        });
        seen.await
    }

    /// Whether an agent that this server runs is among what is open.
    async fn waits_for_us(&self, operation: OperationId) -> Result<bool, ApiError> {
        let query = TargetQuery { operation, unseen_only: true, after: None, limit: LOOKED_AT };
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
