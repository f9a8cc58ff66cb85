use super::*;
use crate::fixtures::{at, session_id};
use crate::runner::fixtures::{assignment, heard, instance, labels, leased, name, offer, runner, started};

fn asks(second: i64) -> LeaseRequest {
    LeaseRequest { heard: heard("one", second), most: 1 }
}

fn starts(runner: &str, fence: Fence) -> StartRequest {
    StartRequest { runner: name(runner), session_id: session_id(1), fence, at: at(10) }
}

fn in_state(state: AssignmentState) -> Assignment {
    Assignment { state, ..leased(1) }
}

fn without_requeue(assignment: Assignment) -> Assignment {
    Assignment { when_lost: WhenLost { requeue: false, ..assignment.when_lost }, ..assignment }
}

fn fenced(fence: Fence) -> AssignmentRefused {
    AssignmentRefused::Fenced { session: session_id(1), fence, current: 3 }
}

#[test]
fn the_words_of_states_are_those_that_are_stored() {
    let words = ["waiting", "leased", "cancelled", "started", "ended"];
    assert_eq!(AssignmentState::ALL.map(AssignmentState::as_str), words);
}

#[test]
fn a_lease_lapses_after_its_end_and_a_confirmed_start_never_does() {
    assert!(!leased(1).has_lapsed(at(30)));
    assert!(leased(1).has_lapsed(at(31)));
    for state in AssignmentState::ALL {
        assert_eq!(in_state(state).has_lapsed(at(100)), state == AssignmentState::Leased, "{state:?}");
    }
}

#[test]
fn what_waits_may_be_leased_and_what_has_lapsed_only_if_it_is_to_be_passed_on() {
    assert!(assignment(1).is_open(at(0)));
    assert!(!leased(1).is_open(at(30)));
    assert!(leased(1).is_open(at(31)));
    assert!(!without_requeue(leased(1)).is_open(at(31)));
    for state in [AssignmentState::Cancelled, AssignmentState::Started, AssignmentState::Ended] {
        assert!(!in_state(state).is_open(at(100)), "{state:?}");
    }
}

#[test]
fn a_runner_fits_when_it_offers_the_kind_and_has_every_label() {
    let wanted = Assignment { labels: labels(["gpu", "zone=a"]), ..assignment(1) };
    let with = |runner_labels| Runner { labels: runner_labels, ..runner("one") };
    assert_eq!(wanted.unfit(&with(labels(["gpu", "other", "zone=a"]))), None);
    assert_eq!(wanted.unfit(&with(labels(["gpu"]))).as_deref(), Some("one lacks zone=a"));
    assert_eq!(wanted.unfit(&with([].into())).as_deref(), Some("one lacks gpu, zone=a"));
    let other = Runner { offers: [offer("scripted")].into(), ..runner("one") };
    assert_eq!(wanted.unfit(&other).as_deref(), Some("one does not offer acp"));
}

#[test]
fn each_lease_has_a_larger_token_and_holds_for_thirty_seconds() {
    let first = assignment(1).lease(&runner("one"), &asks(0)).expect("leased");
    let expected = Assignment { fence: 1, ..leased(1) };
    assert_eq!(first, expected);
    let two = Runner { instance: uuid::Uuid::from_u128(2), ..runner("two") };
    assert_eq!(first.lease(&two, &asks(30)), None, "it has not lapsed");
    let second = first.lease(&two, &asks(31)).expect("leased anew");
    assert_eq!((second.fence, second.runner, second.instance), (2, Some(name("two")), Some(two.instance)));
    assert_eq!(second.leased_until, Some(at(61)));
}

#[test]
fn what_a_runner_has_and_has_not_started_it_is_given_again_with_the_same_token() {
    let again = leased(1).lease(&runner("one"), &asks(10)).expect("the answer may have been lost");
    assert_eq!(again, Assignment { leased_until: Some(at(40)), ..leased(1) });
    let anew = Runner { instance: uuid::Uuid::from_u128(2), ..runner("one") };
    assert_eq!(leased(1).lease(&anew, &asks(10)), None, "another run of it has not leased it");
    assert_eq!(started(1).lease(&runner("one"), &asks(100)), None, "it has started it");
}

#[test]
fn nothing_is_leased_to_a_runner_that_goes_or_does_not_fit() {
    for state in [RunnerState::Draining, RunnerState::Left] {
        assert_eq!(assignment(1).lease(&Runner { state, ..runner("one") }, &asks(0)), None, "{state:?}");
    }
    let unfit = Runner { offers: [offer("scripted")].into(), ..runner("one") };
    assert_eq!(assignment(1).lease(&unfit, &asks(0)), None);
}

#[test]
fn the_holder_of_the_newest_token_confirms_the_start_once_or_again() {
    assert_eq!(leased(1).start(&starts("one", 3)), Ok(started(1)));
    assert_eq!(started(1).start(&starts("one", 3)), Ok(started(1)), "again is harmless");
    let lapsed = StartRequest { at: at(1_000), ..starts("one", 3) };
    assert_eq!(leased(1).start(&lapsed), Ok(started(1)), "nobody else has it");
}

#[test]
fn nobody_else_confirms_a_start() {
    for held in [leased(1), started(1)] {
        assert_eq!(held.start(&starts("one", 2)), Err(fenced(2)), "an older token");
        assert_eq!(held.start(&starts("one", 4)), Err(fenced(4)), "a token that nobody was given");
        assert_eq!(held.start(&starts("two", 3)), Err(fenced(3)), "another runner");
    }
    let waiting = Assignment { fence: 3, ..assignment(1) };
    assert_eq!(waiting.start(&starts("one", 3)), Err(fenced(3)), "nobody has it");
    for state in [AssignmentState::Cancelled, AssignmentState::Ended] {
        assert_eq!(in_state(state).start(&starts("one", 3)), Err(AssignmentRefused::Ended(session_id(1))));
    }
}

#[test]
fn only_what_was_not_started_is_taken_back_and_everything_ends_once() {
    use AssignmentState::{Cancelled, Ended, Leased, Started, Waiting};
    for (state, is_taken_back, ends) in [
        (Waiting, true, true),
        (Leased, true, true),
        (Cancelled, false, true),
        (Started, false, true),
        (Ended, false, false),
    ] {
        let before = in_state(state);
        assert_eq!(before.cancel(), is_taken_back.then(|| in_state(Cancelled)), "{state:?}");
        assert_eq!(before.end(), ends.then(|| in_state(Ended)), "{state:?}");
    }
}

#[test]
fn reports_are_taken_with_the_token_of_the_start_alone() {
    assert_eq!(started(1).admits(&name("one"), 3), Ok(()));
    assert_eq!(started(1).admits(&name("one"), 2), Err(fenced(2)));
    assert_eq!(started(1).admits(&name("two"), 3), Err(fenced(3)));
    assert_eq!(leased(1).admits(&name("one"), 3), Err(fenced(3)), "the start was not confirmed");
    for state in [AssignmentState::Cancelled, AssignmentState::Ended] {
        assert_eq!(in_state(state).admits(&name("one"), 3), Err(AssignmentRefused::Ended(session_id(1))));
    }
    assert_eq!(started(1).instance, Some(instance()), "which run of it has it is kept");
}
