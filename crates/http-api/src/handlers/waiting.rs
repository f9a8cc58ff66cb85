//! Waiting for what was asked for to be seen.

use std::time::Duration;

use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, Wish};
use flightdeck_domain::ports::TargetQuery;
use flightdeck_domain::session::Session;
use tokio::time::Instant;

use crate::problem::ApiError;
use crate::state::Api;

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

impl Patience {
    /// As long as the caller says, else as long as what is wished for takes.
    pub(super) fn with(api: &Api, asked: Option<Duration>, wish: Wish) -> Self {
        let elsewhere = asked.unwrap_or(api.options.control_wait);
        let here = match wish {
            Wish::Kill | Wish::Interrupt => asked.unwrap_or(api.options.ending_wait),
            Wish::Pause | Wish::Resume => elsewhere,
        };
        Self { elsewhere, here }
    }

    fn of(self, api: &Api, session: &Session) -> Duration {
        if runs_here(api, session) { self.here } else { self.elsewhere }
    }
}

fn runs_here(api: &Api, session: &Session) -> bool {
    api.providers.get(&session.provider).is_ok_and(|provider| provider.capabilities().in_process)
}

/// Waits until the session is as wished, has ended, or the time is up; gives the session as it was last seen.
pub(super) async fn observed(
    api: &Api,
    id: SessionId,
    patience: Patience,
    wished: impl Fn(&Session) -> bool,
) -> Result<Session, ApiError> {
    let begun = Instant::now();
    let mut hints = api.hints.feed();
    loop {
        hints.mark_unchanged();
        let session = api.sessions.one(id).await?.ok_or_else(|| ApiError::no_session(id))?;
        let deadline = begun + patience.of(api, &session);
        if wished(&session) || session.status.is_terminal() || Instant::now() >= deadline {
            return Ok(session);
        }
        // A hint may be lost, or come from another replica later: look from time to time anyway.
        let next_look = deadline.min(Instant::now() + Duration::from_millis(250));
        let _ = tokio::time::timeout_at(next_look, hints.changed()).await;
    }
}

/// Waits until nothing of an operation is open, or the time is up; gives it as it was last seen.
pub(super) async fn settled(api: &Api, id: OperationId, patience: Patience) -> Result<Operation, ApiError> {
    let begun = Instant::now();
    let mut deadline = begun + patience.elsewhere;
    let mut hints = api.hints.feed();
    loop {
        hints.mark_unchanged();
        let operation = api.operations.one(id).await?.ok_or_else(|| ApiError::no_operation(id))?;
        if operation.completed_at.is_some() {
            return Ok(operation);
        }
        if Instant::now() >= deadline {
            let last = begun + patience.here;
            if Instant::now() >= last || !waits_for_us(api, id).await? {
                return Ok(operation);
            }
            deadline = last;
        }
        // At most twenty looks a second, however many sessions move at once.
        tokio::time::sleep_until(deadline.min(Instant::now() + Duration::from_millis(50))).await;
        let next_look = deadline.min(Instant::now() + Duration::from_millis(200));
        let _ = tokio::time::timeout_at(next_look, hints.changed()).await;
    }
}

/// Whether an agent that this server runs is among what is open.
async fn waits_for_us(api: &Api, operation: OperationId) -> Result<bool, ApiError> {
    let query = TargetQuery { operation, unseen_only: true, after: None, limit: LOOKED_AT };
    for target in api.operations.targets(query).await?.targets {
        let session = api.sessions.one(target.session_id).await?;
        if session.is_some_and(|session| !session.status.is_terminal() && runs_here(api, &session)) {
            return Ok(true);
        }
    }
    Ok(false)
}
