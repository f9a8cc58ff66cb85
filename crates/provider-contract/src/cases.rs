//! The list of all cases, and the macros that make a test of each.

use std::future::Future;
use std::pin::Pin;

use crate::fixture::{Capabilities, Need};

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The promise holds.
    Passed,
    /// The agents cannot do what the case needs, for this reason: nothing was proven.
    Ignored(&'static str),
}

/// One case with the fixture that it is to be run on, for a test program that lists its tests by itself. Made by
/// [`provider_cases!`](crate::provider_cases).
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// `<file>::<case>`.
    pub name: &'static str,
    /// Makes a fixture and runs the case on it, unless the agents cannot do what it needs; a broken promise is a panic. Needs
    /// tokio's multi-thread runtime.
    pub run: fn() -> Pin<Box<dyn Future<Output = Outcome>>>,
}

/// Why a case cannot be run; the words are those of [`Need::as_str`].
#[must_use]
pub fn lacking(capabilities: &Capabilities, needs: &[&str]) -> Option<&'static str> {
    Need::ALL.into_iter().filter(|need| needs.contains(&need.as_str())).find_map(|need| capabilities.lack(need))
}

/// What the macro was told is what the fixture says.
pub fn assert_declared(capabilities: &Capabilities, without: &[(&str, &str)]) {
    for need in Need::ALL {
        let told = without.iter().find(|(word, _)| *word == need.as_str()).map(|(_, why)| *why);
        assert_eq!(told, capabilities.lack(need), "{} behind `without` and of the fixture", need.as_str());
    }
    let known = |word: &str| Need::ALL.iter().any(|need| need.as_str() == word);
    assert!(without.iter().all(|(word, _)| known(word)), "not all of {without:?} are needs");
}

/// Makes one test of each case. Takes an expression that gives a fresh [`Fixture`](crate::Fixture), and behind it what its
/// agents cannot do, each with the reason; see the crate's documentation.
#[macro_export]
macro_rules! provider_tests {
    ($fixture:expr $(; $(without $need:ident $why:literal),* $(,)?)?) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn what_the_agents_cannot_do_is_declared() {
            let fixture = $fixture;
            let capabilities = $crate::Fixture::capabilities(&fixture);
            $crate::assert_declared(&capabilities, &[$($((stringify!($need), $why)),*)?]);
        }

        $crate::__provider! { __provider_tests $fixture; [$($($need $why,)*)?] }
    };
}

/// Every case as a [`Case`], in a `Vec`. Takes an expression that gives a fresh [`Fixture`](crate::Fixture).
#[macro_export]
macro_rules! provider_cases {
    ($fixture:expr) => {
        $crate::__provider! { __provider_cases $fixture; [] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __provider {
    ($form:ident $fixture:expr; $without:tt) => {
        $crate::$form! {
            $fixture; $without;
            start:
                a_spawn_goes_from_spawning_to_running
                the_prompt_is_the_first_message_of_the_user
                one_that_cannot_be_started_is_failed_with_the_reason
                a_spawn_that_is_repeated_starts_one_agent;
            speech:
                what_is_said_is_kept_in_order_and_once
                an_agent_is_idle_when_its_turn_has_ended
                very_much_is_kept_whole
                unreadable_bytes_end_nothing(bytes);
            inject:
                queued_messages_are_delivered_and_consumed_in_order
                a_queued_message_waits_for_the_end_of_the_turn
                a_message_that_comes_while_it_starts_waits_for_its_turn
                a_steering_message_reaches_the_running_turn(steer)
                an_interrupting_message_is_delivered_at_once
                a_command_that_is_handed_over_twice_acts_once
                a_command_that_nobody_handed_over_is_found
                what_waits_for_one_that_is_killed_is_undeliverable;
            control:
                paused_is_said_when_it_is_so
                a_resume_goes_on_where_it_was_paused
                a_pause_while_it_starts_has_its_effect
                an_idle_agent_is_idle_again_after_a_pause
                a_turn_that_never_ends_is_paused_within(pause_in_turn)
                an_interrupt_ends_the_turn
                a_choice_is_taken_by_an_agent_at_work
                a_choice_goes_before_what_is_said_after_it;
            kill:
                killed_is_said_when_nothing_is_left
                one_that_ignores_a_polite_stop_is_killed(programs)
                a_kill_while_it_starts_ends_it
                a_kill_ends_a_pause
                an_idle_agent_is_killed
                a_kill_that_is_repeated_kills_once
                a_kill_closes_open_requests(approvals)
                nothing_runs_after_the_kill_of_a_subtree
                what_an_agent_has_started_ends_with_its_subtree(delegation);
            approval:
                what_is_asked_for_is_on_record_before_it_is_decided(approvals)
                the_decision_reaches_the_agent(approvals)
                the_first_decision_counts(approvals)
                an_interrupt_takes_open_requests_back(approvals)
                a_decision_does_not_end_a_pause(approvals pause_in_turn);
            end:
                one_that_ends_in_order_is_completed
                one_that_ends_with_an_error_is_failed_with_it
                a_crash_is_failed_with_a_reason(crash)
                a_crash_closes_open_requests(crash approvals);
            outage:
                a_store_that_is_away_for_a_moment_loses_nothing(outage)
                a_kill_outlives_an_outage(outage)
                a_decision_outlives_an_outage(outage approvals);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __provider_cases {
    ($fixture:expr; $without:tt; $($file:ident: $($case:ident $(($($need:ident)*))?)*;)*) => {
        vec![$($($crate::Case {
            name: concat!(stringify!($file), "::", stringify!($case)),
            run: || Box::pin(async {
                let fixture = $fixture;
                let capabilities = $crate::Fixture::capabilities(&fixture);
                if let Some(why) = $crate::lacking(&capabilities, &[$($(stringify!($need)),*)?]) {
                    return $crate::Outcome::Ignored(why);
                }
                $crate::$file::$case(&fixture).await;
                $crate::Outcome::Passed
            }),
        },)*)*]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __provider_tests {
    ($fixture:expr; $without:tt; $($file:ident: $($case:ident $(($($need:ident)*))?)*;)*) => {
        $(mod $file {
            #[allow(unused_imports, clippy::wildcard_imports, reason = "the fixture is named as where the macro stands")]
            use super::*;

            $($crate::__provider_test! { [$($($need)*)?] $without $without $fixture; $file $case })*
        })*
    };
}

/// Looks each need of a case up in the list of what is lacking: needs, the rest of the list, the whole list.
#[doc(hidden)]
#[macro_export]
macro_rules! __provider_test {
    ([] $rest:tt $without:tt $fixture:expr; $file:ident $case:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let fixture = $fixture;
            $crate::$file::$case(&fixture).await;
        }
    };
    ([steer $($needs:ident)*] [steer $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([pause_in_turn $($needs:ident)*] [pause_in_turn $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([approvals $($needs:ident)*] [approvals $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([delegation $($needs:ident)*] [delegation $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([programs $($needs:ident)*] [programs $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([bytes $($needs:ident)*] [bytes $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([crash $($needs:ident)*] [crash $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([outage $($needs:ident)*] [outage $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { @ignored $why $fixture; $($which)* }
    };
    ([$need:ident $($needs:ident)*] [] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { [$($needs)*] $without $without $fixture; $($which)* }
    };
    ([$($needs:ident)*] [$lack:ident $why:literal, $($rest:tt)*] $without:tt $fixture:expr; $($which:ident)*) => {
        $crate::__provider_test! { [$($needs)*] [$($rest)*] $without $fixture; $($which)* }
    };
    (@ignored $why:literal $fixture:expr; $file:ident $case:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = $why]
        async fn $case() {
            let fixture = $fixture;
            $crate::$file::$case(&fixture).await;
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A case that is not in the list would never run.
    #[test]
    fn every_case_is_listed_once() {
        let list = include_str!("cases.rs");
        let sources = [
            include_str!("start.rs"),
            include_str!("speech.rs"),
            include_str!("inject.rs"),
            include_str!("control.rs"),
            include_str!("kill.rs"),
            include_str!("approval.rs"),
            include_str!("end.rs"),
            include_str!("outage.rs"),
        ];
        let cases = sources.iter().flat_map(|source| source.lines()).filter_map(|l| l.strip_prefix("pub async fn "));
        for case in cases {
            let name = case.split('(').next().expect("a name");
            let listed = list.lines().filter(|line| line.trim().split(['(', ';']).next() == Some(name)).count();
            assert_eq!(listed, 1, "{name}");
        }
    }

    /// A need that the macro does not know would never be found lacking.
    #[test]
    fn every_need_is_looked_up() {
        let macros = include_str!("cases.rs");
        for need in Need::ALL {
            let word = need.as_str();
            assert!(macros.contains(&format!("([{word} $($needs:ident)*] [{word} $why:literal,")), "{word}");
        }
    }

    #[test]
    fn a_case_is_run_only_when_all_that_it_needs_is_there() {
        let capabilities = Capabilities::all().without(Need::Crash, "no programs");
        assert_eq!(lacking(&capabilities, &["crash", "approvals"]), Some("no programs"));
        assert_eq!(lacking(&capabilities, &["approvals"]), None);
        assert_eq!(lacking(&capabilities, &[]), None);
        assert_declared(&capabilities, &[("crash", "no programs")]);
    }

    #[test]
    #[should_panic(expected = "crash behind `without`")]
    fn a_case_is_not_left_out_of_which_the_fixture_says_that_it_can_be_run() {
        assert_declared(&Capabilities::all(), &[("crash", "no programs")]);
    }
}
