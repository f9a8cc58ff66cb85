//! Permission requests close without a decision: by their deadline, with their session, or because their agent withdraws
//! them.

use std::time::Duration;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::approval::{
    ApprovalAction, ApprovalFacts, ApprovalOption, ApprovalRefused, ApprovalState, Ask, Expiry, ExpiryReason,
    Withdrawal, WithdrawalRefused, Withdrawn,
};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ports::{DecideApprovalError, WithdrawApprovalError, WithdrawnApproval};
use flightdeck_domain::session::{Observed, Session, SessionStatus};

use super::{approval, approval_id, ask, decide, decision, open, refused, told_id};
use crate::given::{at, by, observation, registration};
use crate::state::State;
use crate::steps::{commit, conversation, feed_after, feed_head, observe, register, session, together};
use crate::{Harness, Store};

pub(crate) fn expiry(n: u32, second: u32) -> Expiry {
    Expiry { approval_id: approval_id(n), message_id: told_id(800 + n), at: at(second) }
}

/// What is due is found, the earliest first; each is closed once, and one that was decided in between is left alone.
pub async fn a_deadline_closes_a_request_once(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    let within = |n, session, seconds| Ask { expires_in: Some(Duration::from_secs(seconds)), ..ask(n, session) };
    for asked in [within(1, 1, 60), within(2, 1, 10), ask(3, 1), within(4, 2, 20)] {
        open(&*store, asked).await;
    }
    for (now, limit, expected) in [(111, 9, vec![]), (112, 9, vec![2]), (161, 9, vec![2, 4, 1]), (161, 2, vec![2, 4])] {
        let due = store.due(at(now), limit).await.expect("read");
        assert_eq!(due, expected.into_iter().map(approval_id).collect::<Vec<_>>(), "at {now}");
    }
    let before = State::of(&*store).await;
    for early in [expiry(2, 111), expiry(3, 9_999), expiry(9, 9_999)] {
        assert_eq!(store.expire(early).await.expect("answered"), None);
    }
    assert_eq!(State::of(&*store).await, before);

    let closed = store.expire(expiry(2, 130)).await.expect("answered").expect("due");
    assert_eq!(closed.approval.state, ApprovalState::Expired { why: ExpiryReason::Deadline, at: at(130) });
    assert_eq!((closed.moved, approval(&*store, 2).await), (None, closed.approval));
    assert_eq!(store.expire(expiry(2, 131)).await.expect("answered"), None, "once");
    let late = refused(&*store, ApprovalAction { by: by(1, 135), ..decision(2, ApprovalOption::AllowOnce, 1) }).await;
    assert!(matches!(late, ApprovalRefused::Expired { why: ExpiryReason::Deadline, .. }), "{late:?}");

    let head = feed_head(&*store).await;
    let last = store.expire(expiry(4, 130)).await.expect("answered").expect("due");
    assert!(last.moved.is_some());
    assert_eq!(session(&*store, 2).await.status, SessionStatus::Running);
    let kinds: Vec<_> = feed_after(&*store, head).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [FleetEventKind::Approval, FleetEventKind::Status]);
    assert_eq!(session(&*store, 1).await.status, SessionStatus::Waiting, "two are open still");
}

/// With the end comes the end of what was open: not before, not after, and of no other session.
pub async fn the_end_of_a_session_closes_its_open_requests_with_it(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    for (n, session) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        open(&*store, ask(n, session)).await;
    }
    let first = decide(&*store, 1, ApprovalOption::AllowOnce).await.approval;
    let head = feed_head(&*store).await;
    observe(&*store, observation(1, SessionStatus::Failed, 300)).await;
    let ended = ApprovalState::Expired { why: ExpiryReason::SessionEnded, at: at(300) };
    for n in [2, 4] {
        assert_eq!(approval(&*store, n).await.state, ended);
    }
    assert_eq!((approval(&*store, 1).await, approval(&*store, 3).await.state), (first, ApprovalState::Open));
    let events = feed_after(&*store, head).await;
    let told: Vec<_> = events.iter().map(|event| (event.kind, event.at)).collect();
    let (status, closed) = ((FleetEventKind::Status, at(300)), (FleetEventKind::Approval, at(300)));
    assert_eq!(told, [status, closed, closed], "one transaction, and no move after the end");
    let late = refused(&*store, decision(2, ApprovalOption::AllowOnce, 1)).await;
    assert!(matches!(late, ApprovalRefused::Expired { why: ExpiryReason::SessionEnded, .. }), "{late:?}");
    assert_eq!(store.due(at(9_999), 9).await.expect("read"), []);
}

pub(crate) fn withdrawal(n: u32, second: u32) -> Withdrawal {
    Withdrawal { approval_id: approval_id(n), message_id: told_id(600 + n), at: at(second) }
}

async fn withdraw(store: &dyn Store, n: u32, second: u32) -> WithdrawnApproval {
    store.withdraw(withdrawal(n, second)).await.expect("withdrawn")
}

/// The request, its event, and the session's move with message and event: all that the rule gives back, and no entry on
/// the audit log. While another one is open it is a sign of life only.
pub async fn a_withdrawn_request_is_closed_and_the_last_one_lets_the_session_go_on(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    for n in [1, 2] {
        open(&*store, ask(n, 1)).await;
    }
    let waiting = session(&*store, 1).await;
    harness.break_audit().await;
    assert_eq!(withdraw(&*store, 1, 150).await.moved, None);
    assert_eq!(session(&*store, 1).await, Session { last_seen_at: Some(at(150)), ..waiting.clone() });

    let before = approval(&*store, 2).await;
    let facts = ApprovalFacts { approval: &before, session: &session(&*store, 1).await, open: 1 };
    let Ok(Withdrawn::Close(expected)) = withdrawal(2, 160).close(facts) else { panic!("the rule closes it") };
    let Some(Observed::Changed(change)) = expected.session.map(|follow| follow.observed) else { panic!("it goes on") };
    let head = feed_head(&*store).await;
    let done = withdraw(&*store, 2, 160).await;
    assert_eq!((&done.approval, done.closed, done.moved), (&expected.approval, true, Some(change.message.seq)));
    assert_eq!(approval(&*store, 2).await, expected.approval);
    assert_eq!((session(&*store, 1).await, change.session.status), (change.session, SessionStatus::Running));
    assert_eq!(conversation(&*store, 1).await.pop(), Some(change.message));
    let events = feed_after(&*store, head).await;
    let [closed, moved] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*closed, expected.event.at_position(closed.position));
    assert_eq!(*moved, change.event.at_position(moved.position));
}

/// A retry finds it withdrawn; what was decided or has expired stays so, and an unknown one is told as such.
pub async fn withdrawing_again_or_late_writes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    for (n, session) in [(1, 1), (2, 1), (3, 2)] {
        open(&*store, ask(n, session)).await;
    }
    open(&*store, Ask { expires_in: Some(Duration::from_secs(10)), ..ask(4, 1) }).await;
    let first = withdraw(&*store, 1, 150).await.approval;
    let decided = decide(&*store, 2, ApprovalOption::AllowOnce).await.approval;
    observe(&*store, observation(2, SessionStatus::Completed, 200)).await;
    let before = State::of(&*store).await;

    let again = withdraw(&*store, 1, 300).await;
    assert_eq!((again.approval, again.closed, again.moved), (first, false, None));
    let ApprovalState::Decided(verdict) = decided.state else { panic!("{decided:?}") };
    let refusals = [
        (2, WithdrawalRefused::Decided { approval: approval_id(2), verdict: Box::new(verdict) }),
        (3, WithdrawalRefused::Expired { approval: approval_id(3), why: ExpiryReason::SessionEnded, at: at(200) }),
        (4, WithdrawalRefused::Expired { approval: approval_id(4), why: ExpiryReason::Deadline, at: at(114) }),
    ];
    for (n, expected) in refusals {
        let error = store.withdraw(withdrawal(n, 300)).await.expect_err("closed otherwise");
        assert!(matches!(&error, WithdrawApprovalError::Refused(refused) if *refused == expected), "{n}: {error:?}");
    }
    let error = store.withdraw(withdrawal(9, 300)).await.expect_err("unknown");
    assert!(matches!(error, WithdrawApprovalError::Unknown(id) if id == approval_id(9)), "{error:?}");
    assert_eq!(State::of(&*store).await, before);
}

/// An operator decides while the agent withdraws: one of them counts, and the session goes on by that one alone. One that
/// is being killed cannot be allowed anything, but may withdraw.
pub async fn of_a_racing_decision_and_withdrawal_one_counts(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=10 {
        register(&*store, registration(n)).await;
        open(&*store, ask(n, n)).await;
    }
    let won = together(20, |racer| {
        let store = harness.store();
        let n = racer / 2 + 1;
        async move {
            if racer % 2 == 0 {
                match store.withdraw(withdrawal(n, 150)).await {
                    Ok(done) => done.moved,
                    Err(WithdrawApprovalError::Refused(WithdrawalRefused::Decided { .. })) => None,
                    Err(error) => panic!("{error:?}"),
                }
            } else {
                match store.decide(decision(n, ApprovalOption::AllowOnce, 1)).await {
                    Ok(done) => done.moved,
                    Err(DecideApprovalError::Refused(ApprovalRefused::Expired {
                        why: ExpiryReason::Withdrawn,
                        ..
                    })) => None,
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    })
    .await;
    for (n, pair) in (1..=10).zip(won.chunks(2)) {
        assert_eq!(pair.iter().flatten().count(), 1, "{n}: one of them lets it go on: {pair:?}");
        assert_eq!(session(&*store, n).await.status, SessionStatus::Running);
        assert_eq!(conversation(&*store, n).await.len(), 2, "waiting, and running again");
    }
    register(&*store, registration(11)).await;
    open(&*store, ask(11, 11)).await;
    commit(&*store, 11, Intervention::Kill).await;
    assert!(withdraw(&*store, 11, 150).await.closed);
}
