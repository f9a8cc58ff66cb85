use super::*;
use crate::fixtures::at;
use crate::runner::RunnerState;
use crate::runner::fixtures::{assignment, labels, leased, name, offer, runner, started};
use crate::use_cases::testing::MockPorts;

fn overview(runner: Runner, is_there: bool) -> RunnerOverview {
    RunnerOverview { runner, is_there, load: 0 }
}

#[test]
fn what_is_leased_waits_for_the_word_of_its_runner() {
    assert_eq!(why_waiting(&leased(1), &[]), "runner one has it and has not confirmed the start");
}

#[test]
fn without_a_connected_runner_it_is_said_what_one_has_to_offer() {
    let none = "no runner is connected; start one that offers acp";
    assert_eq!(why_waiting(&assignment(1), &[]), none);
    assert_eq!(why_waiting(&assignment(1), &[overview(runner("gone"), false)]), none);
}

#[test]
fn of_runners_that_do_not_fit_it_is_said_what_each_lacks() {
    let wanted = Assignment { labels: labels(["gpu"]), ..assignment(1) };
    let other = Runner { offers: [offer("scripted")].into(), ..runner("other") };
    let fits = Runner { labels: labels(["gpu"]), ..runner("gone") };
    let seen = [overview(runner("plain"), true), overview(other, true), overview(fits, false)];
    assert_eq!(why_waiting(&wanted, &seen), "no runner fits: plain lacks gpu; other does not offer acp");
    let many: Vec<_> = (0..7).map(|n| overview(runner(&format!("r{n}")), true)).collect();
    let told = why_waiting(&wanted, &many);
    let expected = "no runner fits: r0 lacks gpu; r1 lacks gpu; r2 lacks gpu; r3 lacks gpu; r4 lacks gpu; and 2 more";
    assert_eq!(told, expected);
    let five = many.get(..5).expect("five of them");
    assert!(!why_waiting(&wanted, five).contains("more"));
}

#[test]
fn when_runners_fit_they_are_full_or_drain() {
    let draining = Runner { state: RunnerState::Draining, ..runner("two") };
    let other = Runner { offers: [offer("scripted")].into(), ..runner("other") };
    let seen = [overview(runner("one"), true), overview(draining, true), overview(other, true)];
    assert_eq!(why_waiting(&assignment(1), &seen), "all runners that fit are full or drain: one, two");
}

#[tokio::test]
async fn runners_are_listed_with_their_load_and_whether_they_are_there() {
    let mut mocks = MockPorts::default();
    let silent = Runner { seen_at: at(-31), ..runner("two") };
    let both = vec![runner("one"), silent.clone()];
    mocks.runners.expect_runners().times(1).returning(move || Ok(both.clone()));
    mocks.runners.expect_loads().times(1).returning(|| Ok(vec![(name("two"), 3)]));
    let listed = ManageRunners::new(&mocks.ports()).list().await.expect("listed");
    let one = RunnerOverview { runner: runner("one"), is_there: true, load: 0 };
    assert_eq!(listed, [one, RunnerOverview { runner: silent, is_there: false, load: 3 }]);
}

#[tokio::test]
async fn a_reason_is_given_for_what_waits_and_for_nothing_else() {
    for (found, reason) in [
        (Some(assignment(1)), Some("no runner is connected; start one that offers acp")),
        (Some(leased(1)), Some("runner one has it and has not confirmed the start")),
        (Some(started(1)), None),
        (Some(Assignment { state: AssignmentState::Ended, ..started(1) }), None),
        (None, None),
    ] {
        let mut mocks = MockPorts::default();
        let there = found.clone();
        mocks.runners.expect_assignment().times(1).returning(move |_| Ok(there.clone()));
        mocks.runners.expect_runners().returning(|| Ok(vec![]));
        mocks.runners.expect_loads().returning(|| Ok(vec![]));
        let placement = ManageRunners::new(&mocks.ports()).placement(assignment(1).session_id).await.expect("read");
        assert_eq!(placement, found.map(|it| (it, reason.map(str::to_owned))));
    }
}
