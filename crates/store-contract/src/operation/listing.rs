//! Operations in pages, with what filters them.

use flightdeck_domain::action::{FleetAction, FleetIntervention, Intervention};
use flightdeck_domain::ids::OperationId;
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operation::{Operation, Reach, Wish};
use flightdeck_domain::ports::{OperationCursor, OperationQuery, TargetQuery};
use flightdeck_domain::session::{Registration, SessionStatus};

use super::{ask, commit_scoped};
use crate::Harness;
use crate::given::{child, fleet, observation, operation_id, registration, scoped, session_id, text};
use crate::steps::{observe, operations, register};

/// All, or only those that are open, or only those that are not; equal times by id.
pub async fn operations_are_listed_newest_first(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=6 {
        register(&*store, registration(n)).await;
        ask(&*store, n, n, Intervention::Kill).await;
    }
    commit_scoped(&*store, scoped(7, 1, Wish::Kill, Reach::Subtree)).await;
    for n in [2, 5] {
        observe(&*store, observation(n, SessionStatus::Killed, 60 + n)).await;
    }
    let ids = |ids: &[u32]| -> Vec<OperationId> { ids.iter().map(|n| operation_id(*n)).collect() };
    for (open, expected) in
        [(None, ids(&[7, 6, 5, 4, 3, 2, 1])), (Some(true), ids(&[7, 6, 4, 3, 1])), (Some(false), ids(&[5, 2]))]
    {
        for limit in [1, 2, 3, 100] {
            let (mut all, mut after): (Vec<Operation>, Option<OperationCursor>) = (Vec::new(), None);
            loop {
                let page = store.operations(OperationQuery { open, missions: None, after, limit }).await.expect("read");
                assert!(page.operations.len() <= limit);
                all.extend(page.operations);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(all.iter().map(|it| it.id).collect::<Vec<_>>(), expected, "{open:?}, pages of {limit}");
        }
    }
    assert_eq!(operations(&*store).await.len(), 7);
}

/// On the missions, on their sessions, and on all below one; of an operation's targets, the sessions of the missions.
pub async fn operations_and_targets_are_listed_by_missions(harness: &dyn Harness) {
    let store = harness.store();
    let on = |mission: &str, given| Registration { mission_id: Some(text(mission)), ..given };
    for given in
        [on("apollo", registration(1)), on("gemini", child(2, 1)), on("gemini", registration(3)), registration(4)]
    {
        register(&*store, given).await;
    }
    ask(&*store, 1, 1, Intervention::Pause).await;
    ask(&*store, 2, 3, Intervention::Pause).await;
    ask(&*store, 3, 4, Intervention::Pause).await;
    commit_scoped(&*store, scoped(4, 1, Wish::Interrupt, Reach::Subtree)).await;
    commit_scoped(&*store, scoped(5, 1, Wish::Interrupt, Reach::Mission)).await;
    commit_scoped(&*store, scoped(6, 3, Wish::Interrupt, Reach::Mission)).await;
    let fleet = FleetAction { operation: Some(operation_id(7)), ..fleet(FleetIntervention::KillAll) };
    store.commit_fleet(fleet).await.expect("engaged");
    for (missions, expected) in [(&["apollo"][..], &[1, 4, 5][..]), (&["gemini"], &[2, 6]), (&["mercury"], &[])] {
        let missions = MissionSet::new(missions.iter().map(|mission| text(mission))).ok();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = OperationQuery { open: None, missions: missions.clone(), after, limit: 2 };
            let page = store.operations(query).await.expect("read");
            found.extend(page.operations.into_iter().map(|operation| operation.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort_unstable();
        assert_eq!(found, expected.iter().map(|n| operation_id(*n)).collect::<Vec<_>>(), "{missions:?}");
        let query = TargetQuery { operation: operation_id(4), unseen_only: false, missions, after: None, limit: 10 };
        let targets = store.targets(query.clone()).await.expect("read").targets;
        let of_all = store.targets(TargetQuery { missions: None, ..query.clone() }).await.expect("read").targets;
        let own: Vec<_> = of_all
            .into_iter()
            .filter(|target| match target.session_id {
                id if id == session_id(1) => expected.contains(&1),
                id if id == session_id(2) => expected.contains(&2),
                other => panic!("{other} is not below the session"),
            })
            .collect();
        assert_eq!(targets, own, "{query:?}");
    }
}
