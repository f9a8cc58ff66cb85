//! Waiting for what was asked for to be seen.

use std::time::Duration;

use flightdeck_domain::ids::{OperationId, SessionId};
use flightdeck_domain::operation::{Operation, Wish};
use flightdeck_domain::ports::TargetQuery;
use flightdeck_domain::session::Session;
use tokio::sync::watch;
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

/// How often a wait looks.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// So long at least lies between two looks, however much moves.
    rest: Duration,
    /// After so long it looks again without a hint: hints may be lost, or come from another replica later.
    again: Duration,
}

impl Pace {
    /// As soon as something moves.
    pub(super) const fn at_hints(again: Duration) -> Self {
        Self { rest: Duration::ZERO, again }
    }
}

/// What one look found.
pub(super) enum Look<T> {
    /// What is waited for.
    Found(T),
    /// Not yet; how things stand, and up to when it is worth to wait.
    NotYet(T, Instant),
}

/// Looks until it finds what is waited for, the time is up, or the server stops; gives what it saw last. Every wait of a
/// request goes through here, so that none of them outlives the server without an answer.
pub(super) async fn look_until<T>(
    api: &Api,
    mut hints: watch::Receiver<u64>,
    pace: Pace,
    mut look: impl AsyncFnMut() -> Result<Look<T>, ApiError>,
) -> Result<T, ApiError> {
    loop {
        hints.mark_unchanged();
        let (seen, until) = match look().await? {
            Look::Found(found) => return Ok(found),
            Look::NotYet(seen, until) => (seen, until),
        };
        let now = Instant::now();
        if now >= until || api.shutdown.is_cancelled() {
            return Ok(seen);
        }
        let next_look = async {
            tokio::time::sleep_until(until.min(now + pace.rest)).await;
            let _ = tokio::time::timeout_at(until.min(now + pace.again), hints.changed()).await;
        };
        // One more look at the end: what came just before the shutdown still counts.
        tokio::select! {
            () = api.shutdown.cancelled() => {}
            () = next_look => {}
        }
    }
}

/// Waits until the session is as wished, or has ended; gives the session as it was last seen.
pub(super) async fn observed(
    api: &Api,
    id: SessionId,
    patience: Patience,
    wished: impl Fn(&Session) -> bool,
) -> Result<Session, ApiError> {
    let begun = Instant::now();
    look_until(api, api.hints.feed(), Pace::at_hints(Duration::from_millis(250)), async || {
        let session = api.sessions.one(id).await?.ok_or_else(|| ApiError::no_session(id))?;
        if wished(&session) || session.status.is_terminal() {
            return Ok(Look::Found(session));
        }
        let until = begun + patience.of(api, &session);
        Ok(Look::NotYet(session, until))
    })
    .await
}

/// Waits until nothing of an operation is open; gives it as it was last seen.
pub(super) async fn settled(api: &Api, id: OperationId, patience: Patience) -> Result<Operation, ApiError> {
    let begun = Instant::now();
    let mut until = begun + patience.elsewhere;
    // At most twenty looks a second, however many sessions move at once.
    let pace = Pace { rest: Duration::from_millis(50), again: Duration::from_millis(250) };
    look_until(api, api.hints.feed(), pace, async || {
        let operation = api.operations.one(id).await?.ok_or_else(|| ApiError::no_operation(id))?;
        if operation.completed_at.is_some() {
            return Ok(Look::Found(operation));
        }
        let last = begun + patience.here;
        if until < last && Instant::now() >= until && waits_for_us(api, id).await? {
            until = last;
        }
        Ok(Look::NotYet(operation, until))
    })
    .await
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
