//! Actions that are done once however often they are sent, and actions whose entry lies in the spool:
//! [`flightdeck_domain::ports::OperatorActions`].

use flightdeck_domain::action::{
    ActionRefused, Attribution, Committed, FleetAction, FleetIntervention, Intervention, OperatorAction,
};
use flightdeck_domain::approval::{ApprovalAction, ApprovalOption};
use flightdeck_domain::audit::AuditOutcome;
use flightdeck_domain::ids::OperationId;
use flightdeck_domain::operation::{Reach, ScopedAction, Wish};
use flightdeck_domain::ports::{OperatorActionError, OperatorActions};
use flightdeck_domain::session::{DesiredStatus, SessionStatus};

use crate::approval::{approval_id, ask, open};
use crate::given::{
    action, at, by, child, fleet, inject, keyed, observation, operation_id, registration, scoped, session_id,
};
use crate::state::State;
use crate::steps::{
    audit, conversation, newest_entry, observe, operations, pending, register, session, together, verify,
};
use crate::{Harness, Store};

const DAY: u32 = 24 * 60 * 60;

async fn commit_as(store: &dyn Store, by: Attribution, intervention: Intervention) -> Committed {
    OperatorActions::commit(store, OperatorAction { by, ..action(1, intervention) }).await.expect("accepted")
}

fn reused(error: &OperatorActionError) -> bool {
    matches!(error, OperatorActionError::Refused(ActionRefused::KeyReused(_)))
}

/// The second call changes nothing, and gets what the first one came to, as it stands now.
pub async fn the_same_key_is_done_once(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let first = commit_as(&*store, keyed(1, 50, "say it"), inject(7)).await;
    assert!(!first.again);
    let after = State::of(&*store).await;
    // The message's id is minted for the call, so it is another one each time; the text is that of message 7.
    let Intervention::Inject { content, delivery, .. } = inject(7) else { panic!("an inject") };
    let Intervention::Inject { message_id, .. } = inject(8) else { panic!("an inject") };
    let retry = Intervention::Inject { message_id, content, delivery };
    let again = commit_as(&*store, keyed(1, 55, "say it"), retry).await;
    assert_eq!(again, Committed { again: true, ..first });
    assert_eq!(State::of(&*store).await, after);
    observe(&*store, observation(1, SessionStatus::Completed, 60)).await;
    let late = commit_as(&*store, keyed(1, 70, "say it"), inject(7)).await;
    assert_eq!(late.session.status, SessionStatus::Completed);
    assert_eq!(late.command.expect("the command").receipt.as_str(), "undeliverable");
}

/// A key means one call. What else comes with it is refused, on record, and the first one stays.
pub async fn a_key_for_another_call_is_refused_on_record(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let first = commit_as(&*store, keyed(1, 50, "k"), Intervention::Pause).await;
    let before = State::of(&*store).await;
    let others = [
        OperatorAction { by: keyed(1, 51, "k"), ..action(1, Intervention::Kill) },
        OperatorAction { by: keyed(1, 52, "k"), ..action(2, Intervention::Pause) },
        OperatorAction { by: Attribution { reason: None, ..keyed(1, 53, "k") }, ..action(1, Intervention::Pause) },
    ];
    for other in others {
        let refused = OperatorActions::commit(&*store, other.clone()).await.expect_err("another call");
        assert!(reused(&refused), "{refused:?}");
        let entry = newest_entry(&*store).await;
        assert_eq!((entry.outcome, entry.at), (AuditOutcome::Refused, other.by.at));
        assert_eq!(entry.details["refusal"], refused.to_string());
    }
    let scoped = ScopedAction { by: keyed(1, 54, "k"), ..scoped(1, 1, Wish::Pause, Reach::Subtree) };
    assert!(reused(&store.commit_scoped(scoped).await.expect_err("another call")));
    let all = FleetAction { by: keyed(1, 55, "k"), ..fleet(FleetIntervention::KillAll) };
    assert!(reused(&store.commit_fleet(all).await.expect_err("another call")));
    assert_eq!(State::of(&*store).await.besides_audit(), before.besides_audit());
    let again = commit_as(&*store, keyed(1, 56, "k"), Intervention::Pause).await;
    assert_eq!((again.audit_seq, again.again), (first.audit_seq, true));
    assert!(verify(&*store).await.valid);
}

/// Two people may think of the same key.
pub async fn keys_of_others_are_their_own(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    commit_as(&*store, keyed(1, 50, "k"), inject(7)).await;
    assert!(!commit_as(&*store, keyed(2, 51, "k"), inject(8)).await.again);
    assert!(!commit_as(&*store, by(1, 52), inject(9)).await.again, "without a key nothing is the same");
    assert_eq!(conversation(&*store, 1).await.len(), 3);
}

/// Of those at the same moment one is done and the others get its result.
pub async fn one_of_many_racing_calls_with_a_key_is_done(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let done = together(32, |n| {
        let store = harness.store();
        async move { commit_as(&*store, keyed(1, 50 + n, "k"), Intervention::Kill).await }
    })
    .await;
    assert_eq!(done.iter().filter(|done| !done.again).count(), 1);
    assert!(done.iter().all(|one| one.audit_seq == done[0].audit_seq && one.command == done[0].command));
    assert_eq!((pending(&*store, 1).await.len(), audit(&*store).await.len()), (1, 1));
}

/// What was refused was not done, so the same call may be tried again.
pub async fn a_refused_call_is_not_remembered(harness: &dyn Harness) {
    let store = harness.store();
    let pause = |second| OperatorAction { by: keyed(1, second, "k"), ..action(1, Intervention::Pause) };
    OperatorActions::commit(&*store, pause(50)).await.expect_err("there is no session");
    register(&*store, registration(1)).await;
    harness.break_audit().await;
    OperatorActions::commit(&*store, pause(51)).await.expect_err("no entry, no action");
    harness.mend_audit().await;
    assert!(!OperatorActions::commit(&*store, pause(52)).await.expect("accepted").again);
}

/// A key is kept for a day, then it is new.
pub async fn a_key_is_new_again_after_a_day(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    commit_as(&*store, keyed(1, 50, "k"), Intervention::Kill).await;
    assert!(commit_as(&*store, keyed(1, 50 + DAY, "k"), Intervention::Kill).await.again);
    assert!(!commit_as(&*store, keyed(1, 51 + DAY, "k"), Intervention::Kill).await.again);
    assert!(commit_as(&*store, keyed(1, 52 + DAY, "k"), Intervention::Kill).await.again);
}

/// An operation is begun once, and told of as it stands.
pub async fn a_scoped_action_with_a_key_is_done_once(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    register(&*store, child(2, 1)).await;
    let kill = |operation, second| ScopedAction {
        by: keyed(1, second, "k"),
        ..scoped(operation, 1, Wish::Kill, Reach::Subtree)
    };
    let first = store.commit_scoped(kill(1, 50)).await.expect("accepted");
    observe(&*store, observation(2, SessionStatus::Killed, 60)).await;
    let again = store.commit_scoped(kill(2, 70)).await.expect("accepted already");
    assert_eq!((again.operation.id, again.audit_seq, again.again), (operation_id(1), first.audit_seq, true));
    assert_eq!((again.operation.tally.open, operations(&*store).await.len()), (1, 1));
}

/// So is a kill of all; and what is released in between stays released.
pub async fn a_fleet_action_with_a_key_is_done_once(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let kill = |operation: u32, second| FleetAction {
        operation: Some(operation_id(operation)),
        by: keyed(1, second, "k"),
        ..fleet(FleetIntervention::KillAll)
    };
    let first = store.commit_fleet(kill(1, 50)).await.expect("engaged");
    store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    let again = store.commit_fleet(kill(2, 70)).await.expect("done already");
    assert_eq!((again.total, again.operation, again.audit_seq), (first.total, first.operation, first.audit_seq));
    assert!(again.again);
    register(&*store, registration(2)).await;
}

/// The one who decided asks again and hears what they decided; for everybody else it is decided.
pub async fn a_decision_with_a_key_is_made_once(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    open(&*store, ask(1, 1)).await;
    let decide = |option, by, message| ApprovalAction {
        approval_id: approval_id(1),
        option,
        answer: None,
        message_id: crate::given::message_id(message),
        by,
    };
    let (allow, reject) = (ApprovalOption::AllowOnce, ApprovalOption::RejectOnce);
    let first = store.decide(decide(allow, keyed(1, 50, "k"), 70)).await.expect("decided");
    let again = store.decide(decide(allow, keyed(1, 60, "k"), 71)).await.expect("decided already");
    assert_eq!((again.approval, again.audit_seq, again.again), (first.approval, first.audit_seq, true));
    store.decide(decide(reject, keyed(1, 61, "k"), 72)).await.expect_err("another call");
    store.decide(decide(allow, keyed(2, 62, "k"), 73)).await.expect_err("decided");
    assert_eq!(audit(&*store).await.len(), 3);
}

fn spooled(n: u32) -> Attribution {
    Attribution { spooled: true, ..by(1, n) }
}

/// While the log cannot be written, what stops agents is done all the same once its entry lies in the spool. Everything
/// else is refused as ever.
pub async fn what_stops_agents_is_done_while_its_entry_lies_in_the_spool(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=4 {
        register(&*store, registration(n)).await;
    }
    harness.break_audit().await;
    let of = |n, intervention, by| OperatorAction { by, ..action(n, intervention) };
    OperatorActions::commit(&*store, of(1, Intervention::Kill, by(1, 50))).await.expect_err("no entry");
    let killed = OperatorActions::commit(&*store, of(1, Intervention::Kill, spooled(51))).await.expect("killed");
    assert_eq!((killed.audit_seq, killed.session.desired_status), (None, DesiredStatus::Killed));
    OperatorActions::commit(&*store, of(2, Intervention::Pause, spooled(52))).await.expect("paused");
    for other in [Intervention::Resume, Intervention::Interrupt { drop_queued: false }, inject(7)] {
        OperatorActions::commit(&*store, of(3, other, spooled(53))).await.expect_err("it stops nobody");
    }
    let below = ScopedAction { by: spooled(54), ..scoped(1, 3, Wish::Kill, Reach::Subtree) };
    assert_eq!(store.commit_scoped(below).await.expect("killed").audit_seq, None);
    let resume = ScopedAction { by: spooled(55), ..scoped(2, 2, Wish::Resume, Reach::Subtree) };
    store.commit_scoped(resume).await.expect_err("it stops nobody");
    let all = |intervention| FleetAction {
        operation: Some(OperationId::new(*session_id(9).as_uuid())),
        by: spooled(56),
        ..fleet(intervention)
    };
    assert_eq!(store.commit_fleet(all(FleetIntervention::KillAll)).await.expect("killed").audit_seq, None);
    store.commit_fleet(all(FleetIntervention::ReleaseKillSwitch)).await.expect_err("it stops nobody");
    harness.mend_audit().await;
    assert_eq!(audit(&*store).await, []);
    assert_eq!((session(&*store, 2).await.desired_status, pending(&*store, 1).await.len()), (DesiredStatus::Killed, 2));
    // What is refused for another reason has its entry in the spool, too.
    observe(&*store, observation(1, SessionStatus::Killed, 60)).await;
    OperatorActions::commit(&*store, of(1, Intervention::Kill, spooled(61))).await.expect_err("it has ended");
    assert_eq!(audit(&*store).await, []);
    assert!(at(61) > at(60));
}
