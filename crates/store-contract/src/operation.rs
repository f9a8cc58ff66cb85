//! Operations: what was asked for is followed until it is seen: [`flightdeck_domain::ports::OperationRepository`].

mod listing;
mod racing;

pub use listing::*;
pub use racing::*;

use flightdeck_domain::action::{
    ActionName, ActionRefused, FleetAction, FleetIntervention, Intervention, OperatorAction,
};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::command::{CommandKind, Receipt};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::operation::{
    Operation, OperationState, OperationTarget, Reach, Scope, ScopedAction, Tally, TargetOutcome, Wish,
};
use flightdeck_domain::ports::{OperatorActionError, OperatorActions, SessionFilter, TargetQuery};
use flightdeck_domain::session::{DesiredStatus, Registration, SessionStatus};

use crate::given::{
    action, actor, at, child, fleet, inject, observation, operation_id, reason, registration, scoped, session_id, text,
};
use crate::state::State;
use crate::steps::{
    audit, commit, feed_after, feed_head, newest_entry, observe, of_kind, pending, register, run_by, session, sessions,
    targets, verify,
};
use crate::{Harness, Store};

async fn operation(store: &dyn Store, n: u32) -> Operation {
    store.operation(operation_id(n)).await.expect("read").expect("the operation is there")
}

async fn commit_scoped(store: &dyn Store, action: ScopedAction) -> Operation {
    store.commit_scoped(action).await.expect("accepted").operation
}

/// One session is asked for something under an operation.
async fn ask(store: &dyn Store, id: u32, n: u32, intervention: Intervention) {
    let action = OperatorAction { operation: Some(operation_id(id)), ..action(n, intervention) };
    let done = OperatorActions::commit(store, action).await.expect("accepted");
    assert_eq!(done.operation, Some(operation_id(id)));
}

async fn outcomes(store: &dyn Store, n: u32) -> Vec<Option<&'static str>> {
    let targets = targets(store, operation_id(n)).await;
    targets.iter().map(|target| target.outcome.as_ref().map(TargetOutcome::as_str)).collect()
}

/// 1 with 2 and 3 below, 4 below 3, and 5 in a tree of its own.
async fn family(store: &dyn Store) {
    register(store, registration(1)).await;
    for (n, parent) in [(2, 1), (3, 1), (4, 3)] {
        register(store, child(n, parent)).await;
    }
    register(store, registration(5)).await;
}

/// The operation, its target and its event come with the action, and are what the rule made.
pub async fn a_wish_for_one_is_an_operation_of_one(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let head = feed_head(&*store).await;
    let action = OperatorAction { operation: Some(operation_id(7)), ..action(1, Intervention::Pause) };
    let decision = action.decide(Some(&session(&*store, 1).await), &[]);
    let opened = decision.outcome.expect("allowed").operation.expect("an operation");
    let done = OperatorActions::commit(&*store, action).await.expect("accepted");
    assert_eq!(done.operation, Some(operation_id(7)));
    assert_eq!(operation(&*store, 7).await, opened.operation);
    assert_eq!(targets(&*store, operation_id(7)).await, opened.targets);
    assert_eq!(opened.targets[0].command_seq, done.command.map(|command| command.seq));
    let events = feed_after(&*store, head).await;
    assert_eq!(
        events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [FleetEventKind::Action, FleetEventKind::Operation]
    );
    assert_eq!(events[1].data.as_map()["event"], "created");
    assert_eq!(newest_entry(&*store).await.details, run_by(&done.session, decision.audit).details);
    // A message has no operation, whatever is asked.
    let said = OperatorAction { operation: Some(operation_id(8)), ..crate::given::action(1, inject(9)) };
    assert_eq!(OperatorActions::commit(&*store, said).await.expect("accepted").operation, None);
    assert_eq!(store.operation(operation_id(8)).await.expect("read"), None);
    assert_eq!(targets(&*store, operation_id(8)).await, []);
}

/// Desired status, command and target for each, one operation, one entry, one event of its beginning.
pub async fn a_subtree_is_one_operation_with_one_entry(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    observe(&*store, observation(2, SessionStatus::Completed, 5)).await;
    let (head, entries) = (feed_head(&*store).await, audit(&*store).await.len());
    let action = scoped(7, 1, Wish::Kill, Reach::Subtree);
    let begun = commit_scoped(&*store, action.clone()).await;
    let tally = Tally { total: 3, open: 3, ..Tally::default() };
    assert_eq!(
        (begun.scope.clone(), begun.tally, begun.state()),
        (Scope::Subtree(session_id(1)), tally, OperationState::Open)
    );
    assert_eq!((begun.actor.clone(), &begun.reason, begun.requested_at), (actor(1), &action.by.reason, action.by.at));
    assert_eq!(operation(&*store, 7).await, begun);
    for n in [1, 3, 4] {
        let after = session(&*store, n).await;
        assert_eq!((after.desired_status, after.status), (DesiredStatus::Killed, SessionStatus::Running), "{n}");
        let commands = pending(&*store, n).await;
        assert_eq!(commands.iter().map(|command| command.kind.clone()).collect::<Vec<_>>(), [CommandKind::Kill]);
        assert_eq!((&commands[0].reason, commands[0].created_at), (&action.by.reason, action.by.at));
    }
    for n in [2, 5] {
        assert_eq!(session(&*store, n).await.desired_status, DesiredStatus::Running, "{n}");
    }
    let events = feed_after(&*store, head).await;
    assert_eq!(of_kind(&events, FleetEventKind::Action).len(), 3);
    assert_eq!(of_kind(&events, FleetEventKind::Operation).len(), 1);
    assert_eq!(audit(&*store).await.len(), entries + 1);
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.target), (ActionName::Kill, AuditTarget::Session(session_id(1))));
    let told = ["scope", "total", "operationId"].map(|name| entry.details[name].clone());
    assert_eq!(told, ["subtree".to_owned(), "3".to_owned(), operation_id(7).to_string()]);
    assert!(verify(&*store).await.valid);
}

/// The order in which commands are handed over: no parent before its children.
pub async fn targets_are_read_leaves_first(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    commit_scoped(&*store, scoped(7, 1, Wish::Kill, Reach::Subtree)).await;
    let fleet = FleetAction { operation: Some(operation_id(8)), ..fleet(FleetIntervention::KillAll) };
    store.commit_fleet(fleet).await.expect("engaged");
    let order = |targets: &[OperationTarget]| -> Vec<_> {
        targets.iter().map(|target| (target.depth, target.session_id)).collect()
    };
    let subtree: Vec<_> = [(2, 4), (1, 3), (1, 2), (0, 1)].map(|(depth, n)| (depth, session_id(n))).into();
    let whole: Vec<_> = [(2, 4), (1, 3), (1, 2), (0, 5), (0, 1)].map(|(depth, n)| (depth, session_id(n))).into();
    for (n, expected) in [(7, subtree), (8, whole)] {
        for limit in [1, 2, 3, 100] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let query =
                    TargetQuery { operation: operation_id(n), unseen_only: false, missions: None, after, limit };
                let page = store.targets(query).await.expect("read");
                assert!(page.targets.len() <= limit);
                all.extend(page.targets);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(order(&all), expected, "pages of {limit}");
        }
    }
    // A middle of the tree is as deep as it is, whatever is named.
    commit_scoped(&*store, scoped(9, 3, Wish::Kill, Reach::Subtree)).await;
    assert_eq!(order(&targets(&*store, operation_id(9)).await), [(2, session_id(4)), (1, session_id(3))]);
    observe(&*store, observation(4, SessionStatus::Killed, 70)).await;
    let query = TargetQuery { operation: operation_id(9), unseen_only: true, missions: None, after: None, limit: 10 };
    assert_eq!(order(&store.targets(query).await.expect("read").targets), [(1, session_id(3))]);
}

/// All of the mission and nobody else, wherever they stand.
pub async fn a_mission_reaches_across_trees(harness: &dyn Harness) {
    let store = harness.store();
    let of = |n, mission: &str| Registration { mission_id: Some(text(mission)), ..registration(n) };
    register(&*store, of(1, "apollo")).await;
    register(&*store, child(2, 1)).await;
    register(&*store, of(3, "apollo")).await;
    register(&*store, of(4, "gemini")).await;
    register(&*store, registration(5)).await;
    let begun = commit_scoped(&*store, scoped(7, 2, Wish::Pause, Reach::Mission)).await;
    assert_eq!((&begun.scope, begun.tally.total), (&Scope::Mission(text("apollo")), 3));
    assert_eq!(operation(&*store, 7).await, begun);
    let paused = sessions(&*store, SessionFilter::default()).await;
    let paused: Vec<_> =
        paused.iter().filter(|it| it.desired_status == DesiredStatus::Paused).map(|it| it.id).collect();
    assert_eq!(paused, [3, 2, 1].map(session_id));
    assert_eq!(newest_entry(&*store).await.details["missionId"], "apollo");
}

/// Nobody is acted on, and that somebody tried is on record.
pub async fn a_scope_of_nobody_is_refused_on_record(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let before = State::of(&*store).await;
    for (n, reach, expected) in [
        (9, Reach::Subtree, ActionRefused::UnknownSession(session_id(9))),
        (9, Reach::Mission, ActionRefused::UnknownSession(session_id(9))),
        (1, Reach::Mission, ActionRefused::NoMission(session_id(1))),
    ] {
        let error = store.commit_scoped(scoped(7, n, Wish::Kill, reach)).await.expect_err("a rule forbids it");
        assert!(matches!(&error, OperatorActionError::Refused(refused) if *refused == expected), "{error:?}");
        let entry = newest_entry(&*store).await;
        assert_eq!((entry.outcome, entry.target), (AuditOutcome::Refused, AuditTarget::Session(session_id(n))));
    }
    assert_eq!(audit(&*store).await.len(), 3);
    assert_eq!(State::of(&*store).await.besides_audit(), before.besides_audit());
}

/// What cannot be put on record does not happen: no wish, no operation, nothing superseded.
pub async fn a_scoped_action_without_its_entry_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    ask(&*store, 1, 3, Intervention::Pause).await;
    observe(&*store, observation(5, SessionStatus::Completed, 55)).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    for n in [1, 5, 9] {
        let error = store.commit_scoped(scoped(7, n, Wish::Kill, Reach::Subtree)).await.expect_err("no entry");
        assert!(matches!(error, OperatorActionError::Unavailable(_)), "{error:?}");
    }
    let all = FleetAction { operation: Some(operation_id(8)), ..fleet(FleetIntervention::KillAll) };
    store.commit_fleet(all).await.expect_err("no entry");
    let one = OperatorAction { operation: Some(operation_id(9)), ..action(3, Intervention::Kill) };
    OperatorActions::commit(&*store, one).await.expect_err("no entry");
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
    assert_eq!(commit_scoped(&*store, scoped(7, 1, Wish::Kill, Reach::Subtree)).await.tally.open, 4);
    assert_eq!(outcomes(&*store, 1).await, [Some("superseded")]);
}

/// An operation may have nothing to wait for. What is being killed refuses anything else.
pub async fn what_is_as_wished_is_observed_at_once(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    for n in [1, 3] {
        observe(&*store, observation(n, SessionStatus::Paused, n)).await;
    }
    commit(&*store, 2, Intervention::Kill).await;
    let begun = commit_scoped(&*store, scoped(7, 1, Wish::Pause, Reach::Subtree)).await;
    assert_eq!(begun.tally, Tally { total: 4, open: 1, observed: 2, refused: 1, ..Tally::default() });
    assert_eq!(outcomes(&*store, 7).await, [None, Some("observed"), Some("refused"), Some("observed")]);
    let head = feed_head(&*store).await;
    ask(&*store, 8, 3, Intervention::Pause).await;
    let done = operation(&*store, 8).await;
    assert_eq!((done.state(), done.completed_at), (OperationState::Done, Some(done.requested_at)));
    let events = feed_after(&*store, head).await;
    assert_eq!(of_kind(&events, FleetEventKind::Operation).len(), 2);
    observe(&*store, observation(5, SessionStatus::Completed, 9)).await;
    let nobody = commit_scoped(&*store, scoped(9, 5, Wish::Pause, Reach::Subtree)).await;
    assert_eq!((nobody.tally, nobody.state()), (Tally::default(), OperationState::Done));
}

/// An agent that ignores a pause, or only says that it obeys, keeps the operation open; one that pauses ends it.
pub async fn a_status_that_is_not_the_wished_one_proves_nothing(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    commit_scoped(&*store, scoped(7, 3, Wish::Pause, Reach::Subtree)).await;
    for (second, status) in [(61, SessionStatus::Idle), (62, SessionStatus::Running), (63, SessionStatus::Lost)] {
        observe(&*store, observation(4, status, second)).await;
    }
    store.acknowledge(session_id(4), CommandSeq::new(1), Receipt::Consumed, at(64)).await.expect("acknowledged");
    observe(&*store, observation(3, SessionStatus::Paused, 65)).await;
    let open = operation(&*store, 7).await;
    assert_eq!((open.state(), open.tally.open, open.tally.observed), (OperationState::Open, 1, 1));
    assert_eq!(outcomes(&*store, 7).await, [None, Some("observed")]);
    let head = feed_head(&*store).await;
    observe(&*store, observation(4, SessionStatus::Paused, 66)).await;
    let done = operation(&*store, 7).await;
    assert_eq!((done.state(), done.completed_at), (OperationState::Done, Some(at(66))));
    let seen: Vec<_> = targets(&*store, done.id).await.iter().map(|target| target.observed_at).collect();
    assert_eq!(seen, [Some(at(66)), Some(at(65))]);
    let events = feed_after(&*store, head).await;
    assert_eq!(of_kind(&events, FleetEventKind::Operation)[0].data.as_map()["state"], "done");
    // What is over is not moved by what comes later.
    observe(&*store, observation(4, SessionStatus::Running, 67)).await;
    assert_eq!(operation(&*store, 7).await, done);
}

/// Whatever is open at a session comes to its end with it: a kill that was followed is seen, all else is cut short.
pub async fn an_end_closes_what_is_open_at_a_session(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    ask(&*store, 1, 1, Intervention::Pause).await;
    ask(&*store, 2, 1, Intervention::Interrupt { drop_queued: false }).await;
    ask(&*store, 3, 2, Intervention::Kill).await;
    observe(&*store, observation(1, SessionStatus::Failed, 60)).await;
    observe(&*store, observation(2, SessionStatus::Killed, 61)).await;
    for (n, state, outcome) in [
        (1, OperationState::Closed, TargetOutcome::Ended { status: SessionStatus::Failed }),
        (2, OperationState::Closed, TargetOutcome::Ended { status: SessionStatus::Failed }),
        (3, OperationState::Done, TargetOutcome::Observed),
    ] {
        assert_eq!(operation(&*store, n).await.state(), state, "{n}");
        assert_eq!(targets(&*store, operation_id(n)).await[0].outcome, Some(outcome));
    }
}

/// When the agent had the command, and that it will not follow it.
pub async fn receipts_acknowledge_and_refuse(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    ask(&*store, 1, 1, Intervention::Pause).await;
    let (id, seq) = (session_id(1), CommandSeq::new(1));
    store.acknowledge(id, seq, Receipt::Delivered, at(60)).await.expect("acknowledged");
    let target = &targets(&*store, operation_id(1)).await[0];
    assert_eq!((target.acknowledged_at, target.observed_at, &target.outcome), (Some(at(60)), None, &None));
    let refused = Receipt::Refused { reason: reason("in a transaction") };
    store.acknowledge(id, seq, refused, at(61)).await.expect("acknowledged");
    let target = &targets(&*store, operation_id(1)).await[0];
    let outcome = TargetOutcome::Refused { reason: reason("in a transaction") };
    assert_eq!((target.acknowledged_at, &target.outcome), (Some(at(60)), &Some(outcome)));
    let closed = operation(&*store, 1).await;
    assert_eq!((closed.state(), closed.completed_at), (OperationState::Closed, Some(at(61))));
}

/// It may begin its next turn before anybody sees that it was idle.
pub async fn an_interrupt_is_done_when_the_agent_says_so(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    ask(&*store, 1, 1, Intervention::Interrupt { drop_queued: false }).await;
    let (id, seq) = (session_id(1), CommandSeq::new(1));
    store.acknowledge(id, seq, Receipt::Consumed, at(60)).await.expect("acknowledged");
    assert_eq!(operation(&*store, 1).await.state(), OperationState::Done);
}

/// Two wishes that cannot both be: the newer counts, and the older says so.
pub async fn a_newer_wish_supersedes_an_older_one(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    commit_scoped(&*store, scoped(1, 3, Wish::Pause, Reach::Subtree)).await;
    ask(&*store, 2, 4, Intervention::Interrupt { drop_queued: false }).await;
    assert_eq!(outcomes(&*store, 1).await, [None, None]);
    observe(&*store, observation(3, SessionStatus::Paused, 54)).await;
    let head = feed_head(&*store).await;
    // Without an operation of its own, too.
    commit(&*store, 4, Intervention::Resume).await;
    assert_eq!(outcomes(&*store, 1).await, [Some("superseded"), Some("observed")]);
    assert_eq!(operation(&*store, 1).await.state(), OperationState::Closed);
    assert_eq!(of_kind(&feed_after(&*store, head).await, FleetEventKind::Operation).len(), 1);
    commit_scoped(&*store, scoped(3, 1, Wish::Kill, Reach::Subtree)).await;
    assert_eq!(outcomes(&*store, 2).await, [Some("superseded")]);
    commit_scoped(&*store, scoped(4, 3, Wish::Kill, Reach::Subtree)).await;
    assert_eq!(outcomes(&*store, 3).await, [None; 4], "a kill leaves kills alone");
}

/// One operation over all that had not ended, and nothing else is waited for any more.
pub async fn kill_all_is_an_operation_and_supersedes_the_rest(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    observe(&*store, observation(2, SessionStatus::Completed, 5)).await;
    ask(&*store, 1, 3, Intervention::Pause).await;
    commit_scoped(&*store, scoped(2, 3, Wish::Interrupt, Reach::Subtree)).await;
    ask(&*store, 3, 5, Intervention::Kill).await;
    let all = FleetAction { operation: Some(operation_id(8)), ..fleet(FleetIntervention::KillAll) };
    let done = store.commit_fleet(all.clone()).await.expect("engaged");
    assert_eq!((done.total, done.operation), (4, Some(operation_id(8))));
    let begun = operation(&*store, 8).await;
    assert_eq!(Some(&begun), all.operation(4).as_ref());
    assert_eq!(newest_entry(&*store).await.details["operationId"], operation_id(8).to_string());
    for target in targets(&*store, begun.id).await {
        let commands = store.pending(target.session_id, CommandSeq::ZERO, 10).await.expect("read").expect("there");
        let newest = commands.last().expect("a command");
        assert_eq!((target.command_seq, newest.kind.clone()), (Some(newest.seq), CommandKind::Kill));
        assert_eq!((target.requested_at, target.wish, target.outcome), (at(60), Wish::Kill, None));
    }
    assert_eq!(operation(&*store, 1).await.tally, Tally { total: 1, superseded: 1, ..Tally::default() });
    assert_eq!(operation(&*store, 2).await.tally, Tally { total: 2, superseded: 2, ..Tally::default() });
    assert_eq!(operation(&*store, 3).await.state(), OperationState::Open);
    for (second, n) in [(71, 1), (72, 3), (73, 4), (74, 5)] {
        assert_eq!(operation(&*store, 8).await.state(), OperationState::Open);
        observe(&*store, observation(n, SessionStatus::Killed, second)).await;
    }
    assert_eq!(operation(&*store, 8).await.state(), OperationState::Done);
    let released = store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    assert_eq!(released.operation, None);
}
