//! Runners and assignments: [`flightdeck_domain::ports::RunnerRepository`].

use std::collections::BTreeSet;

use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::ports::{AssignmentError, RunnerError};
use flightdeck_domain::provider_config::{ConfigName, Label, StartedBy};
use flightdeck_domain::runner::{
    Assignment, AssignmentFilter, AssignmentRefused, AssignmentState, Heard, LeaseRequest, Offer, Runner, RunnerChange,
    RunnerName, RunnerRefused, RunnerRegistration, RunnerState, RunnerVersion, RunnerWish, StartRequest, WhenLost,
};
use flightdeck_domain::text::MessageContent;
use serde_json::json;
use uuid::Uuid;

use crate::given::{actor, at, by, key_id, object, session_id};
use crate::state::State;
use crate::steps::{newest_entry, together};
use crate::{Harness, Store};

fn name(text: &str) -> RunnerName {
    RunnerName::new(text).expect("valid")
}

fn labels<const N: usize>(words: [&str; N]) -> BTreeSet<Label> {
    words.into_iter().map(|word| Label::new(word).expect("valid")).collect()
}

fn offers<const N: usize>(words: [&str; N]) -> BTreeSet<Offer> {
    words.into_iter().map(|word| Offer::new(word).expect("valid")).collect()
}

/// A runner with something in every field, that joins at a second.
pub(crate) fn joins(runner: &str, second: u32) -> RunnerRegistration {
    RunnerRegistration {
        name: name(runner),
        instance: Uuid::from_u128(runner.bytes().map(u128::from).sum()),
        key_id: key_id(1),
        labels: labels(["gpu", "zone=a"]),
        offers: offers(["acp", "other"]),
        capacity: 7,
        protocol: Runner::PROTOCOL,
        version: RunnerVersion::new("flightdeck 9.9").expect("valid"),
        clock_ahead: -1_500,
        at: at(second),
    }
}

pub(crate) fn heard(runner: &str, second: u32) -> Heard {
    let RunnerRegistration { name, instance, key_id, clock_ahead, at, .. } = joins(runner, second);
    Heard { name, instance, key_id, clock_ahead, at }
}

pub(crate) fn asks(runner: &str, most: usize, second: u32) -> LeaseRequest {
    LeaseRequest { heard: heard(runner, second), most }
}

pub(crate) fn starts(runner: &str, n: u32, fence: u64, second: u32) -> StartRequest {
    StartRequest { runner: name(runner), session_id: session_id(n), fence, at: at(second) }
}

pub(crate) fn wish(runner: &str, wish: RunnerWish, second: u32) -> RunnerChange {
    RunnerChange { name: name(runner), wish, by: by(1, second) }
}

/// The assignment of a session, made at the second of its number.
pub(crate) fn assignment(n: u32) -> Assignment {
    Assignment {
        session_id: session_id(n),
        started_by: StartedBy { name: ConfigName::new("claude").expect("valid"), revision: 3 },
        offer: Offer::new("acp").expect("valid"),
        labels: labels(["gpu"]),
        settings: object(json!({"command": "claude \u{1F680}"})),
        at_once: Some(2),
        prompt: Some(MessageContent::new("do \"it\"").expect("valid")),
        when_lost: WhenLost { fail_after: Some(60), requeue: true },
        state: AssignmentState::Waiting,
        fence: 0,
        runner: None,
        instance: None,
        leased_until: None,
        created_at: at(n),
    }
}

async fn assign(store: &dyn Store, assignments: impl IntoIterator<Item = Assignment>) {
    for assignment in assignments {
        assert!(store.assign(assignment).await.expect("assigned"));
    }
}

pub(crate) async fn join(store: &dyn Store, runner: &str, second: u32) -> Runner {
    store.register_runner(joins(runner, second)).await.expect("joined")
}

/// What a runner leases, by session and token.
async fn lease(store: &dyn Store, runner: &str, most: usize, second: u32) -> Vec<(Assignment, u64)> {
    let lease = store.lease(asks(runner, most, second)).await.expect("leased");
    lease.assignments.into_iter().map(|it| (it.clone(), it.fence)).collect()
}

fn ids(leased: &[(Assignment, u64)]) -> Vec<flightdeck_domain::ids::SessionId> {
    leased.iter().map(|(assignment, _)| assignment.session_id).collect()
}

/// Everything of a runner is kept, and its signs of life.
pub async fn a_runner_reads_back_as_it_joined(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.runner(name("a")).await.expect("read"), None);
    let joined = join(&*store, "a", 5).await;
    let asked = joins("a", 5);
    assert_eq!((joined.labels.clone(), joined.offers.clone()), (asked.labels, asked.offers));
    assert_eq!((joined.state, joined.seen_at, joined.registered_at), (RunnerState::Active, at(5), at(5)));
    assert_eq!(store.runner(name("a")).await.expect("read"), Some(joined.clone()));
    let asks = LeaseRequest { heard: Heard { clock_ahead: 12, ..heard("a", 9) }, most: 0 };
    let later = store.lease(asks).await.expect("heard").runner;
    assert_eq!(later, Runner { seen_at: at(9), clock_ahead: 12, ..joined });
    join(&*store, "B", 5).await;
    let listed: Vec<String> = store.runners().await.expect("read").into_iter().map(|it| it.name.to_string()).collect();
    assert_eq!(listed, ["B", "a"]);
}

/// A name is its key's, and of one program at a time.
pub async fn a_name_of_a_runner_is_not_taken_over(harness: &dyn Harness) {
    let store = harness.store();
    join(&*store, "a", 5).await;
    let refused = |done: Result<Runner, RunnerError>| match done {
        Err(RunnerError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    };
    let other_key = RunnerRegistration { key_id: key_id(2), ..joins("a", 900) };
    assert_eq!(refused(store.register_runner(other_key).await), RunnerRefused::OtherKey(name("a")));
    let other = RunnerRegistration { instance: Uuid::from_u128(77), ..joins("a", 30) };
    let second = refused(store.register_runner(other.clone()).await);
    assert_eq!(second, RunnerRefused::OtherInstance { name: name("a") });
    let late = RunnerRegistration { at: at(36), ..other };
    assert_eq!(store.register_runner(late).await.expect("the first one is gone").registered_at, at(36));
    let back = refused(store.leave_runner(heard("a", 37)).await);
    assert_eq!(back, RunnerRefused::OtherInstance { name: name("a") });
    let unknown = refused(store.leave_runner(heard("bb", 37)).await);
    assert_eq!(unknown, RunnerRefused::Unknown(name("bb")));
    let old = RunnerRegistration { protocol: 9, ..joins("ccc", 5) };
    assert_eq!(refused(store.register_runner(old).await), RunnerRefused::Protocol(9));
}

/// Of many programs that join under one name at once one does.
pub async fn one_of_many_racing_runners_joins(harness: &dyn Harness) {
    let done = together(8, |n| {
        let store = harness.store();
        let joining = RunnerRegistration { instance: Uuid::from_u128(u128::from(n) + 100), ..joins("a", 5) };
        async move { store.register_runner(joining).await }
    })
    .await;
    assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
}

/// An operator drains, undrains and removes, each on record; one that is there is not removed.
pub async fn changes_of_a_runner_are_on_record(harness: &dyn Harness) {
    let store = harness.store();
    join(&*store, "a", 5).await;
    let drained = store.change_runner(wish("a", RunnerWish::Drain, 6)).await.expect("done").expect("there");
    assert_eq!(drained.state, RunnerState::Draining);
    assert_eq!(join(&*store, "a", 7).await.state, RunnerState::Draining, "and joins again as it was");
    let back = store.change_runner(wish("a", RunnerWish::Undrain, 8)).await.expect("done").expect("there");
    assert_eq!(back.state, RunnerState::Active);
    let refused = store.change_runner(wish("a", RunnerWish::Remove, 9)).await;
    assert!(matches!(refused, Err(RunnerError::Refused(RunnerRefused::StillThere(_)))));
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.outcome), (ActionName::RunnerRemove, AuditOutcome::Refused));
    assert_eq!(store.change_runner(wish("a", RunnerWish::Remove, 900)).await.expect("removed"), None);
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.outcome, entry.target), (AuditOutcome::Accepted, AuditTarget::Runner(name("a"))));
    assert_eq!(entry.actor, actor(1));
    assert_eq!(store.runners().await.expect("read"), []);
}

/// A change that cannot be recorded is not made.
pub async fn a_runner_is_not_changed_without_its_entry(harness: &dyn Harness) {
    let store = harness.store();
    join(&*store, "a", 5).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    store.change_runner(wish("a", RunnerWish::Drain, 6)).await.expect_err("no entry, no change");
    harness.mend_audit().await;
    assert_eq!(State::of(&*store).await, before);
}

/// Everything of an assignment is kept; a second one of its session changes nothing.
pub async fn an_assignment_reads_back_as_it_was_made(harness: &dyn Harness) {
    let store = harness.store();
    assign(&*store, [assignment(1)]).await;
    let again = Assignment { settings: object(json!({})), ..assignment(1) };
    assert!(!store.assign(again).await.expect("there already"));
    assert_eq!(store.assignment(session_id(1)).await.expect("read"), Some(assignment(1)));
    let bare = Assignment {
        at_once: None,
        prompt: None,
        when_lost: WhenLost { fail_after: None, requeue: false },
        labels: BTreeSet::new(),
        ..assignment(2)
    };
    assign(&*store, [bare.clone()]).await;
    assert_eq!(store.assignment(session_id(2)).await.expect("read"), Some(bare));
    assert_eq!(store.assignment(session_id(3)).await.expect("read"), None);
}

/// The oldest come first, up to so many, and only those that the runner can start. What it has and has not started comes
/// again with the same token, for the answer may have been lost.
pub async fn a_runner_is_given_what_it_can_start_oldest_first(harness: &dyn Harness) {
    let store = harness.store();
    let elsewhere = |n, labels, offer| Assignment { labels, offer: Offer::new(offer).expect("valid"), ..assignment(n) };
    assign(
        &*store,
        [
            assignment(5),
            assignment(3),
            elsewhere(1, labels(["tpu"]), "acp"),
            elsewhere(2, labels([]), "scripted"),
            assignment(4),
        ],
    )
    .await;
    join(&*store, "a", 50).await;
    let leased = lease(&*store, "a", 2, 60).await;
    assert_eq!(ids(&leased), [session_id(3), session_id(4)]);
    let (first, fence) = &leased[0];
    let expected = Assignment {
        state: AssignmentState::Leased,
        fence: 1,
        runner: Some(name("a")),
        instance: Some(joins("a", 0).instance),
        leased_until: Some(at(60).saturating_add(Runner::LEASE)),
        ..assignment(3)
    };
    assert_eq!((first, *fence), (&expected, 1));
    assert_eq!(store.assignment(session_id(3)).await.expect("read"), Some(expected));
    let again = lease(&*store, "a", 9, 61).await;
    let fences: Vec<u64> = again.iter().map(|(_, fence)| *fence).collect();
    assert_eq!((ids(&again), fences), (vec![session_id(3), session_id(4), session_id(5)], vec![1, 1, 1]));
    store.start_assignment(starts("a", 3, 1, 62)).await.expect("started");
    assert_eq!(ids(&lease(&*store, "a", 9, 62).await), [session_id(4), session_id(5)], "what it has not started");
    assert_eq!(store.loads().await.expect("read"), [(name("a"), 3)]);
    assert_eq!(store.runner(name("a")).await.expect("read").expect("there").seen_at, at(62));
    let waiting = AssignmentFilter { states: vec![AssignmentState::Waiting], runner: None };
    let page = store.assignments(waiting.clone(), None, 1).await.expect("read");
    let rest = store.assignments(waiting, Some((page[0].created_at, page[0].session_id)), 9).await.expect("read");
    assert_eq!((page[0].session_id, rest[0].session_id, rest.len()), (session_id(1), session_id(2), 1));
    let of_runner = AssignmentFilter { states: vec![], runner: Some(name("a")) };
    assert_eq!(store.assignments(of_runner, None, 9).await.expect("read").len(), 3);
}

/// What waits for others is no wall before what can be started.
pub async fn what_nobody_can_start_holds_up_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let elsewhere = (1..=250).map(|n| Assignment { labels: labels(["tpu"]), ..assignment(n) });
    assign(&*store, elsewhere).await;
    assign(&*store, [assignment(900)]).await;
    join(&*store, "a", 1_000).await;
    assert_eq!(ids(&lease(&*store, "a", 1, 1_001).await), [session_id(900)]);
}

/// A runner that drains is given nothing.
pub async fn a_runner_that_drains_is_given_nothing(harness: &dyn Harness) {
    let store = harness.store();
    assign(&*store, [assignment(1)]).await;
    join(&*store, "a", 5).await;
    store.change_runner(wish("a", RunnerWish::Drain, 6)).await.expect("drained");
    assert_eq!(ids(&lease(&*store, "a", 9, 7).await), []);
}

/// Of many runners that ask at once each assignment goes to one.
pub async fn racing_leases_give_each_assignment_once(harness: &dyn Harness) {
    let store = harness.store();
    assign(&*store, (1..=40).map(assignment)).await;
    for n in 1..=8 {
        join(&*store, &"r".repeat(n), 50).await;
    }
    let leased = together(8, |n| {
        let store = harness.store();
        let request = asks(&"r".repeat(usize::try_from(n + 1).expect("few")), 10, 60);
        async move { store.lease(request).await.expect("leased").assignments }
    })
    .await;
    let mut given: Vec<_> = leased.into_iter().flatten().map(|it| it.session_id).collect();
    let all = given.len();
    given.sort();
    given.dedup();
    assert_eq!(given.len(), all, "one was given twice");
    assert!(all >= 10);
}

/// A lease that ran out is given on with a newer token; whoever confirms first with a token that counts has it.
pub async fn a_lapsed_lease_starts_nowhere_twice(harness: &dyn Harness) {
    let store = harness.store();
    let kept = Assignment { when_lost: WhenLost { fail_after: None, requeue: false }, ..assignment(2) };
    assign(&*store, [assignment(1), kept]).await;
    join(&*store, "a", 5).await;
    join(&*store, "bb", 5).await;
    assert_eq!(lease(&*store, "a", 9, 10).await.len(), 2);
    assert_eq!(ids(&lease(&*store, "bb", 9, 30).await), [], "the lease still holds");
    let given_on = lease(&*store, "bb", 9, 41).await;
    assert_eq!((ids(&given_on), given_on[0].1), (vec![session_id(1)], 2), "and what is not to be given on is not");
    let refused = store.start_assignment(starts("a", 1, 1, 42)).await;
    let fenced = AssignmentRefused::Fenced { session: session_id(1), fence: 1, current: 2 };
    assert!(matches!(refused, Err(AssignmentError::Refused(why)) if why == fenced));
    let started = store.start_assignment(starts("bb", 1, 2, 43)).await.expect("started");
    assert_eq!((started.state, started.leased_until), (AssignmentState::Started, None));
    store.start_assignment(starts("bb", 1, 2, 44)).await.expect("again");
    assert_eq!(ids(&lease(&*store, "a", 9, 900).await), [session_id(2)], "what has started is never given on");
    // Late, but nobody else has it.
    store.start_assignment(starts("a", 2, 1, 45)).await.expect("started");
    let unknown = store.start_assignment(starts("a", 3, 1, 45)).await;
    assert!(matches!(unknown, Err(AssignmentError::Refused(AssignmentRefused::Unknown(_)))));
}

/// A lapsed lease is given on, or its first holder confirms: never both.
pub async fn a_late_start_and_a_new_lease_exclude_each_other(harness: &dyn Harness) {
    for round in 1..=20 {
        let store = harness.store();
        assign(&*store, [assignment(round)]).await;
        join(&*store, "a", 5).await;
        join(&*store, "bb", 5).await;
        assert_eq!(lease(&*store, "a", 1, 30).await.len(), 1);
        let done = together(2, |n| {
            let store = harness.store();
            async move {
                if n == 0 {
                    return store.start_assignment(starts("a", round, 1, 900)).await.is_ok();
                }
                let lease = store.lease(asks("bb", 1, 900)).await.expect("leased");
                let Some(it) = lease.assignments.first() else { return false };
                store.start_assignment(starts("bb", round, it.fence, 901)).await.is_ok()
            }
        })
        .await;
        assert_eq!(done.into_iter().filter(|started| *started).count(), 1, "round {round}");
    }
}

/// It is taken back before its start, or started: never both. What is over is not started.
pub async fn an_assignment_is_taken_back_before_its_start_or_not(harness: &dyn Harness) {
    let store = harness.store();
    assign(&*store, [assignment(1), assignment(2)]).await;
    join(&*store, "a", 5).await;
    lease(&*store, "a", 9, 6).await;
    assert!(store.cancel_assignment(session_id(1)).await.expect("taken back"));
    assert!(!store.cancel_assignment(session_id(1)).await.expect("taken back already"));
    assert_eq!(ids(&lease(&*store, "a", 9, 7).await), [session_id(2)], "and nobody is given it");
    assert!(store.end_assignment(session_id(1)).await.expect("ended"));
    assert!(!store.end_assignment(session_id(1)).await.expect("over already"));
    let over = store.start_assignment(starts("a", 1, 1, 7)).await;
    assert!(matches!(over, Err(AssignmentError::Refused(AssignmentRefused::Ended(_)))));
    store.start_assignment(starts("a", 2, 1, 7)).await.expect("started");
    assert!(!store.cancel_assignment(session_id(2)).await.expect("it has started"));
    assert_eq!(store.leave_runner(heard("a", 8)).await.expect("heard").state, RunnerState::Draining);
    assert!(store.end_assignment(session_id(2)).await.expect("ended"));
    assert_eq!(store.leave_runner(heard("a", 9)).await.expect("heard").state, RunnerState::Left);
    assert!(!store.cancel_assignment(session_id(3)).await.expect("there is none"));
    assert_eq!(store.loads().await.expect("read"), []);
}
