use super::*;
use crate::fixtures::{at, attribution};
use crate::runner::fixtures::{heard, instance, key, labels, name, offer, other_key, runner};

/// Runner `one` as it joins, with a label that it did not have before.
fn joins(second: i64) -> RunnerRegistration {
    RunnerRegistration {
        name: name("one"),
        instance: instance(),
        key_id: key(),
        labels: labels(["gpu"]),
        offers: [offer("acp"), offer("scripted")].into(),
        capacity: 8,
        protocol: Runner::PROTOCOL,
        version: RunnerVersion::new("flightdeck 0.2.0").expect("valid"),
        clock_ahead: -7,
        at: at(second),
    }
}

fn change(wish: RunnerWish, existing: Option<&Runner>) -> (Result<Option<Runner>, RunnerRefused>, AuditDraft) {
    RunnerChange { name: name("one"), wish, by: attribution("upgrade") }.decide(existing)
}

#[test]
fn a_runner_that_joins_again_is_what_it_says_now() {
    let joined = joins(20).decide(Some(&runner("one"))).expect("joined");
    let expected = Runner {
        labels: labels(["gpu"]),
        offers: [offer("acp"), offer("scripted")].into(),
        capacity: 8,
        version: RunnerVersion::new("flightdeck 0.2.0").expect("valid"),
        clock_ahead: -7,
        seen_at: at(20),
        ..runner("one")
    };
    assert_eq!(joined, expected, "registered first at the beginning");
    assert_eq!(joins(20).decide(None), Ok(Runner { registered_at: at(20), ..expected }));
}

#[test]
fn a_name_belongs_to_one_key_and_to_one_program_at_a_time() {
    let other = RunnerRegistration { key_id: other_key(), ..joins(1_000) };
    assert_eq!(
        other.decide(Some(&runner("one"))),
        Err(RunnerRefused::OtherKey(name("one"))),
        "however long it is silent"
    );
    let anew =
        |second| RunnerRegistration { instance: Uuid::from_u128(2), ..joins(second) }.decide(Some(&runner("one")));
    assert_eq!(anew(30), Err(RunnerRefused::OtherInstance { name: name("one") }));
    let joined = anew(31).expect("the other one is gone");
    assert_eq!((joined.instance, joined.registered_at), (Uuid::from_u128(2), at(31)));
    let left = Runner { state: RunnerState::Left, ..runner("one") };
    let next = RunnerRegistration { instance: Uuid::from_u128(2), ..joins(1) };
    assert_eq!(next.decide(Some(&left)).expect("the other one has left").state, RunnerState::Active);
}

#[test]
fn another_version_of_the_protocol_is_refused() {
    for protocol in [0, 2] {
        let refused = RunnerRegistration { protocol, ..joins(0) }.decide(None);
        assert_eq!(refused, Err(RunnerRefused::Protocol(protocol)));
    }
    assert_eq!(RunnerRefused::Protocol(2).field(), Some("protocol"));
}

#[test]
fn a_runner_that_was_told_to_drain_still_does_when_it_joins_again_and_the_next_program_does_not() {
    let draining = Runner { state: RunnerState::Draining, ..runner("one") };
    assert_eq!(joins(1).decide(Some(&draining)).expect("joined").state, RunnerState::Draining);
    let anew = RunnerRegistration { instance: Uuid::from_u128(2), ..joins(31) };
    assert_eq!(anew.decide(Some(&draining)).expect("joined").state, RunnerState::Active);
    let left = Runner { state: RunnerState::Left, ..runner("one") };
    assert_eq!(joins(1).decide(Some(&left)).expect("it is back").state, RunnerState::Active);
}

#[test]
fn a_sign_of_life_counts_for_the_program_that_has_joined_and_changes_no_state() {
    for state in RunnerState::ALL {
        let seen = heard("one", 20).decide(Some(&Runner { state, ..runner("one") })).expect("heard");
        assert_eq!(seen, Runner { state, seen_at: at(20), clock_ahead: 5, ..runner("one") });
    }
    let late = Runner { seen_at: at(25), ..runner("one") };
    assert_eq!(heard("one", 20).decide(Some(&late)).expect("heard").seen_at, at(25), "time does not go back");
    assert_eq!(heard("one", 0).decide(None), Err(RunnerRefused::Unknown(name("one"))));
    let other = Heard { key_id: other_key(), ..heard("one", 0) };
    assert_eq!(other.decide(Some(&runner("one"))), Err(RunnerRefused::OtherKey(name("one"))));
    let anew = Heard { instance: Uuid::from_u128(2), ..heard("one", 100) };
    let refused = RunnerRefused::OtherInstance { name: name("one") };
    assert_eq!(anew.decide(Some(&runner("one"))), Err(refused), "it has to join first");
}

#[test]
fn a_runner_is_drained_and_undrained_and_one_that_has_left_stays_so() {
    use RunnerState::{Active, Draining, Left};
    use RunnerWish::{Drain, Undrain};
    for (wish, before, after) in [
        (Drain, Active, Draining),
        (Drain, Draining, Draining),
        (Drain, Left, Left),
        (Undrain, Draining, Active),
        (Undrain, Active, Active),
        (Undrain, Left, Left),
    ] {
        let (outcome, entry) = change(wish, Some(&Runner { state: before, ..runner("one") }));
        assert_eq!(outcome, Ok(Some(Runner { state: after, ..runner("one") })), "{wish:?} of {before:?}");
        assert_eq!((entry.outcome, entry.target), (AuditOutcome::Accepted, AuditTarget::Runner(name("one"))));
    }
}

#[test]
fn only_a_runner_that_is_gone_is_removed() {
    let (outcome, entry) = change(RunnerWish::Remove, Some(&runner("one")));
    let refused = RunnerRefused::StillThere(name("one"));
    assert_eq!(outcome, Err(refused.clone()));
    assert_eq!((entry.action, entry.outcome), (ActionName::RunnerRemove, AuditOutcome::Refused));
    assert_eq!(entry.details, BTreeMap::from([("refusal".to_owned(), refused.to_string())]));
    for gone in [Runner { state: RunnerState::Left, ..runner("one") }, Runner { seen_at: at(-31), ..runner("one") }] {
        let (outcome, entry) = change(RunnerWish::Remove, Some(&gone));
        assert_eq!((outcome, entry.outcome), (Ok(None), AuditOutcome::Accepted));
    }
    for (wish, action) in [
        (RunnerWish::Drain, ActionName::RunnerDrain),
        (RunnerWish::Undrain, ActionName::RunnerUndrain),
        (RunnerWish::Remove, ActionName::RunnerRemove),
    ] {
        let (outcome, entry) = change(wish, None);
        assert_eq!(outcome, Err(RunnerRefused::Unknown(name("one"))));
        assert_eq!((entry.action, entry.outcome), (action, AuditOutcome::Refused));
    }
}
