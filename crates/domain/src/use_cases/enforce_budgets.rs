//! Sessions that have used up a budget are paused.

use std::sync::Arc;

use super::{Has, InterveneScope, Providers, ScopedRequest};
use crate::action::Origin;
use crate::ids::SessionId;
use crate::operation::{Reach, Wish};
use crate::operator::Actor;
use crate::ports::{
    Clock, CommandQueue, IdGenerator, OperationRepository, OperatorActionError, OperatorActions, SessionRepository,
    StoreUnavailable, UsageRepository, WakeUps,
};
use crate::text::{IdempotencyKey, RequestId};
use crate::usage::{Account, AccountKey};

/// Pauses the sessions whose budget is used up. The pause is an action like an operator's, with its operation and its
/// audit entry; its actor is `budget`, and each conversation has the reason. Call it about once a second, so that a
/// later call does what an earlier one could not. [`IngestMessages`](super::IngestMessages) and
/// [`SetBudget`](super::SetBudget) that are made with it call it at once when a budget is used up. Simultaneous calls
/// are harmless, because the key of the pause follows from the account.
#[derive(Clone)]
pub struct EnforceBudgets {
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
    intervene: InterveneScope,
    tell: Tell,
}

/// Gets the result of each call.
type Tell = fn(&Result<u64, StoreUnavailable>);

/// The largest number of accounts in one call; the next call continues.
const AT_ONCE: usize = 100;

impl EnforceBudgets {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository>
            + Has<dyn CommandQueue>
            + Has<dyn OperatorActions>
            + Has<dyn OperationRepository>
            + Has<dyn UsageRepository>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        Self {
            usage: ports.port(),
            clock: ports.port(),
            intervene: InterveneScope::new(ports, providers),
            tell: |_| {},
        }
    }

    /// Gives the result of each call to `tell` before the call returns, for a log. Other use cases call this one
    /// without depending on its result, so its failures are reported nowhere else.
    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        Self { tell, ..self }
    }

    /// Asks for each pause that is due, and gives their number. A budget pauses once: an operator who resumes a session
    /// without raising its budget has decided so.
    ///
    /// # Errors
    /// The store is not available. The remaining pauses are still due.
    pub async fn execute(&self) -> Result<u64, StoreUnavailable> {
        let done = self.pause_all().await;
        (self.tell)(&done);
        done
    }

    async fn pause_all(&self) -> Result<u64, StoreUnavailable> {
        let mut asked = 0;
        for account in self.usage.exhausted(AT_ONCE).await? {
            let Some(used_up) = account.exhausted else { continue };
            let key = account.key.clone();
            // A day or a month that is over is not paused for any more.
            let account = account.current(self.clock.now());
            if account.exhausted.is_none() {
                self.usage.enforced(key, used_up.at).await?;
                continue;
            }
            if let Some((session_id, reach)) = concerned(&account) {
                let request = ScopedRequest { session_id, reach, wish: Wish::Pause, drop_queued: false };
                let name = format!("{}@{}", account.key, used_up.at.as_micros());
                match self.intervene.execute(request, origin(&account, &name)).await {
                    // A refusal is on the record, and would be refused again.
                    Ok(_) | Err(OperatorActionError::Refused(_)) => asked += 1,
                    Err(OperatorActionError::Unavailable(cause) | OperatorActionError::Kept { cause, .. }) => {
                        return Err(cause);
                    }
                }
            }
            self.usage.enforced(key, used_up.at).await?;
        }
        Ok(asked)
    }
}

/// The session to name, and how far the pause reaches from it. A mission without bookings has no session to pause.
fn concerned(account: &Account) -> Option<(SessionId, Reach)> {
    match account.key {
        AccountKey::Session(id) | AccountKey::Subtree(id) => Some((id, Reach::Subtree)),
        AccountKey::Mission(_) => account.last_session.map(|id| (id, Reach::Mission)),
    }
}

fn origin(account: &Account, name: &str) -> Origin {
    // Names and keys have limits that no session has, but the id of a mission may come near them.
    let short = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
    let origin = Origin::new(Actor::budget(), RequestId::from(short)).because(account.why_paused());
    Origin { idempotency_key: IdempotencyKey::new(short.to_string()).ok(), ..origin }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::fixtures::{at, attribution, session_id};
    use crate::ids::AuditSeq;
    use crate::operation::{Operation, Scope, ScopedAction, ScopedCommitted, Tally};
    use crate::ports::TargetPage;
    use crate::text::MissionId;
    use crate::usage::{Budget, Totals, Windows};
    use crate::use_cases::testing::MockPorts;

    fn used_up(key: AccountKey) -> Account {
        let account = Account::open(key, at(0)).budgeted(Budget::new(None, Some(1)).ok(), Windows::default(), at(0));
        account.book(Totals { input_tokens: 1, reports: 1, ..Totals::default() }, session_id(3), at(5)).0
    }

    fn committed(action: &ScopedAction) -> ScopedCommitted {
        let scope = Scope::Subtree(action.session_id);
        let operation = Operation::begin(action.operation, action.wish, scope, &attribution("x"), Tally::default());
        ScopedCommitted { operation, audit_seq: Some(AuditSeq::new(1)), again: false }
    }

    #[tokio::test]
    async fn each_account_is_paused_once_by_the_budget_and_marked() {
        let mut mocks = MockPorts::default();
        let mission = AccountKey::Mission(MissionId::new("apollo").expect("valid"));
        let due = vec![used_up(AccountKey::Subtree(session_id(1))), used_up(mission)];
        mocks.usage.expect_exhausted().times(1).return_once(|_| Ok(due));
        let pauses = |action: &ScopedAction| {
            let whom = (action.session_id, action.reach);
            let by = &action.by;
            action.wish == Wish::Pause
                && (whom == (session_id(1), Reach::Subtree) || whom == (session_id(3), Reach::Mission))
                && by.actor == Actor::budget()
                && by.idempotency_key.is_some()
                && by.reason.as_ref().is_some_and(|why| why.as_str().ends_with("1 of 1 tokens"))
        };
        mocks.actions.expect_commit_scoped().withf(pauses).times(2).returning(|action| Ok(committed(&action)));
        mocks.wake_ups.expect_feed_grew().times(2).return_const(());
        mocks.operations.expect_targets().returning(|_| Ok(TargetPage { targets: Vec::new(), next: None }));
        mocks.usage.expect_enforced().withf(|_, when| *when == at(5)).times(2).returning(|_, _| Ok(()));
        let enforce = EnforceBudgets::new(&mocks.ports(), &Providers::default());
        assert_eq!(enforce.execute().await.expect("done"), 2);
    }

    #[tokio::test]
    async fn what_could_not_be_paused_stays_due_and_is_told() {
        static TOLD: AtomicUsize = AtomicUsize::new(0);
        let mut mocks = MockPorts::default();
        let due = vec![used_up(AccountKey::Subtree(session_id(1)))];
        mocks.usage.expect_exhausted().times(1).return_once(|_| Ok(due));
        let away = || OperatorActionError::Unavailable(StoreUnavailable::new("away"));
        mocks.actions.expect_commit_scoped().times(1).returning(move |_| Err(away()));
        mocks.usage.expect_enforced().never();
        let enforce = EnforceBudgets::new(&mocks.ports(), &Providers::default());
        let enforce = enforce.telling(|done| {
            TOLD.fetch_add(usize::from(done.is_err()), Ordering::SeqCst);
        });
        assert!(enforce.execute().await.is_err());
        assert_eq!(TOLD.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn the_same_exhaustion_has_the_same_key() {
        let account = used_up(AccountKey::Subtree(session_id(1)));
        let key = |name: &str| origin(&account, name).idempotency_key;
        assert_eq!(key("a@1"), key("a@1"));
        assert_ne!(key("a@1"), key("a@2"));
    }
}
