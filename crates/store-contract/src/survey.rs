//! The fleet in numbers: [`flightdeck_domain::ports::FleetSurveyor`].

use std::collections::BTreeMap;

use flightdeck_domain::action::{Intervention, OperatorAction};
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::ports::{ApprovalRepository, OperatorActions};
use flightdeck_domain::runner::AssignmentState;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::survey::{FleetSurvey, Waiting};

use crate::approval::{ask, decision, open};
use crate::given::{action, at, by, observation, operation_id, registration, session_id};
use crate::runner::{asks, assignment, join, starts};
use crate::steps::{feed_head, observe, register};
use crate::{Harness, Store};

async fn survey(store: &dyn Store) -> FleetSurvey {
    store.survey().await.expect("counted")
}

/// An empty store counts nothing, and what is there is counted by its state.
pub async fn the_fleet_is_counted_by_what_it_does(harness: &dyn Harness) {
    let store = harness.store();
    let empty = survey(&*store).await;
    let nothing = FleetSurvey { store_bytes: empty.store_bytes, ..FleetSurvey::default() };
    assert_eq!(empty, nothing);
    for n in 1..=5 {
        register(&*store, registration(n)).await;
    }
    observe(&*store, observation(1, SessionStatus::Idle, 60)).await;
    observe(&*store, observation(2, SessionStatus::Failed, 61)).await;
    let counts = survey(&*store).await.sessions;
    let expected = [(SessionStatus::Running, 3), (SessionStatus::Idle, 1), (SessionStatus::Failed, 1)];
    assert_eq!(counts, BTreeMap::from(expected));

    let opened = [open(&*store, ask(1, 3)).await, open(&*store, ask(2, 3)).await, open(&*store, ask(3, 4)).await];
    let decided = ApprovalRepository::decide(&*store, decision(1, ApprovalOption::AllowOnce, 1)).await;
    decided.expect("decided");
    let oldest = opened.iter().skip(1).map(|approval| approval.opened_at).min();
    assert_eq!(survey(&*store).await.approvals, Waiting { count: 2, oldest });

    for (operation, n, second) in [(1, 1, 70), (2, 3, 71), (3, 4, 72)] {
        let by = by(1, second);
        let wish = OperatorAction { operation: Some(operation_id(operation)), by, ..action(n, Intervention::Kill) };
        OperatorActions::commit(&*store, wish).await.expect("accepted");
    }
    observe(&*store, observation(1, SessionStatus::Killed, 73)).await;
    assert_eq!(survey(&*store).await.operations, Waiting { count: 2, oldest: Some(at(71)) });
    assert_eq!(survey(&*store).await.feed_head, feed_head(&*store).await);
}

/// Assignments are counted until they have ended.
pub async fn assignments_are_counted_by_their_state(harness: &dyn Harness) {
    let store = harness.store();
    join(&*store, "a", 5).await;
    for n in 1..=6 {
        assert!(store.assign(assignment(n)).await.expect("assigned"));
    }
    store.lease(asks("a", 3, 10)).await.expect("leased");
    store.start_assignment(starts("a", 1, 1, 11)).await.expect("started");
    store.start_assignment(starts("a", 2, 1, 11)).await.expect("started");
    assert!(store.end_assignment(session_id(2)).await.expect("ended"));
    assert!(store.cancel_assignment(session_id(6)).await.expect("cancelled"));
    let expected = [(AssignmentState::Waiting, 2), (AssignmentState::Leased, 1), (AssignmentState::Started, 1)];
    assert_eq!(survey(&*store).await.assignments, BTreeMap::from(expected));
}

/// A store on a disk says how large it is. Others may use the same database, and make it smaller meanwhile.
pub async fn a_store_knows_its_size(harness: &dyn Harness) {
    let store = harness.store();
    let before = survey(&*store).await.store_bytes;
    for n in 1..=200 {
        let context = crate::given::object(serde_json::json!({"text": "x".repeat(20_000)}));
        let registration = flightdeck_domain::session::Registration { context, ..registration(n) };
        register(&*store, registration).await;
    }
    let after = survey(&*store).await.store_bytes;
    assert_eq!(before.is_some(), after.is_some());
    assert!(after.is_none_or(|after| after > 100_000), "{after:?}");
}
