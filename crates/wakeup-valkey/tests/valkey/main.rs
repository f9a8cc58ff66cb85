//! Replicas talk to each other over a real server.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod hints;
mod outages;
mod replica;
mod throttle;

use std::process::ExitCode;
use std::sync::Arc;

use flightdeck_test_servers::trial_with;
use flightdeck_test_servers::valkey::{Private, Shared};
use libtest_mimic::{Arguments, Trial};

/// Tests on a server that others use too, and tests on one of their own.
struct Tests {
    shared: Arc<Shared>,
    trials: Vec<Trial>,
}

impl Tests {
    fn on_any(&mut self, name: &str, test: fn(String)) {
        let shared = Arc::clone(&self.shared);
        self.trials.push(trial_with(name, move || shared.url(), test));
    }

    fn on_its_own(&mut self, name: &str, test: fn(Private)) {
        self.trials.push(trial_with(name, Private::start, test));
    }

    fn without(&mut self, name: &str, test: fn()) {
        self.trials.push(Trial::test(name, move || {
            test();
            Ok(())
        }));
    }
}

/// Adds tests under the names of their functions.
macro_rules! add {
    ($tests:ident.$how:ident: $($module:ident::$test:ident,)*) => {
        $($tests.$how(concat!(stringify!($module), "::", stringify!($test)), $module::$test);)*
    };
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut tests = Tests { shared: Arc::default(), trials: Vec::new() };
    add! { tests.on_any:
        hints::a_hint_of_one_replica_wakes_the_others,
        hints::own_hints_are_not_heard_again,
        hints::what_is_no_message_is_ignored,
        hints::deployments_that_share_a_server_do_not_hear_each_other,
        throttle::replicas_count_together,
        throttle::requests_come_back_one_by_one,
        throttle::a_clock_that_was_set_back_locks_nobody_out,
        throttle::keys_vanish_when_they_say_nothing_any_more,
    }
    add! { tests.on_its_own:
        hints::a_burst_is_few_messages_and_ends_with_the_newest,
        hints::too_many_sessions_at_once_are_one_hint_to_look_at_everything,
        outages::a_server_that_comes_back_is_subscribed_to_again_and_everything_is_looked_at,
        outages::a_hint_that_was_on_its_way_when_the_server_died_is_sent_again,
        outages::a_connection_that_was_cut_is_made_again,
        outages::a_user_with_the_documented_rights_may_do_everything,
        outages::a_password_is_used_and_not_told,
        throttle::a_script_that_was_forgotten_is_loaded_again,
        throttle::no_server_is_no_answer_and_no_wait,
        throttle::a_server_that_does_not_answer_is_not_waited_for,
    }
    add! { tests.without: outages::without_a_server_nothing_waits_and_nothing_fails, }
    libtest_mimic::run(&arguments, tests.trials).exit_code()
}
