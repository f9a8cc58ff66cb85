//! Replicas of one deployment, behind a load balancer: what is promised of one server holds for all of them together, while
//! they, their database and their Valkey come and go.
//!
//! Each test has a size for every day and, where that tells more, a full one, which is ignored and says its figures:
//! `cargo test --release -p flightdeck --test cluster -- --ignored --nocapture --test-threads 1`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test fails by panicking and tells its figures"
)]

#[path = "cluster/agents.rs"]
mod agents;
#[path = "cluster/away.rs"]
mod away;
#[path = "cluster/control.rs"]
mod control;
#[path = "cluster/crashes.rs"]
mod crashes;
#[path = "cluster/deployment.rs"]
mod deployment;
#[path = "cluster/dropped.rs"]
mod dropped;
#[path = "cluster/followers.rs"]
mod followers;
#[allow(dead_code, reason = "the tests of sinks alone use all of it")]
#[path = "sinks/receiver.rs"]
mod receiver;
#[path = "cluster/runners.rs"]
mod runners;
#[path = "cluster/sinks.rs"]
mod sinks;
mod support;

use std::process::ExitCode;

use deployment::Servers;
use flightdeck_test_servers::postgres::Place;
use flightdeck_test_servers::{NoServer, trial_with};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let servers: &'static Servers = Box::leak(Box::new(Servers::find()));
    let mut tests = vec![
        trial_with(
            "followers_that_come_and_go_see_everything_once",
            || servers.shared(),
            |(place, valkey)| {
                followers::come_and_go(&place, &valkey, &followers::SMALL);
            },
        ),
        full(
            "full_followers_that_come_and_go_see_everything_once",
            || servers.shared(),
            |(place, valkey)| {
                followers::come_and_go(&place, &valkey, &followers::FULL);
            },
        ),
        trial_with(
            "crashes_lose_and_repeat_nothing",
            || servers.to_crash(),
            |(database, valkey)| {
                crashes::crash(database, &valkey, &crashes::SMALL);
            },
        ),
        full(
            "full_crashes_lose_and_repeat_nothing",
            || servers.to_crash(),
            |(database, valkey)| {
                crashes::crash(database, &valkey, &crashes::FULL);
            },
        ),
        trial_with(
            "agents_of_runners_say_everything_once",
            || servers.shared(),
            |(place, valkey)| {
                runners::go_on(&place, &valkey, &runners::SMALL);
            },
        ),
        full(
            "full_agents_of_runners_say_everything_once",
            || servers.shared(),
            |(place, valkey)| {
                runners::go_on(&place, &valkey, &runners::FULL);
            },
        ),
        trial_with(
            "without_valkey_everything_is_delivered",
            || servers.to_stop(),
            |(place, valkey)| {
                away::deliver(&place, valkey, &away::SMALL);
            },
        ),
        full(
            "full_without_valkey_everything_is_delivered",
            || servers.to_stop(),
            |(place, valkey)| {
                away::deliver(&place, valkey, &away::FULL);
            },
        ),
        trial_with(
            "calls_that_are_dropped_break_nothing_on_postgres",
            || servers.database(),
            |place| {
                dropped::on_postgres(&place, dropped::SMALL);
            },
        ),
        full(
            "full_calls_that_are_dropped_break_nothing_on_postgres",
            || servers.database(),
            |place| {
                dropped::on_postgres(&place, dropped::FULL);
            },
        ),
        trial_with(
            "calls_that_are_dropped_break_nothing_on_sqlite",
            || Ok(()),
            |()| dropped::on_sqlite(dropped::SMALL),
        ),
        full("full_calls_that_are_dropped_break_nothing_on_sqlite", || Ok(()), |()| dropped::on_sqlite(dropped::FULL)),
    ];
    tests.extend(of_sinks(servers));
    tests.extend(
        control::TESTS
            .iter()
            .map(|(name, test)| trial_with(name, || servers.shared(), move |(place, valkey)| test(&place, &valkey))),
    );
    let conclusion = libtest_mimic::run(&arguments, tests);
    servers.stop();
    conclusion.exit_code()
}

fn of_sinks(servers: &'static Servers) -> [Trial; 2] {
    let run = |kills| move |(place, valkey): (Place, String)| sinks::send(&place, &valkey, kills);
    [
        trial_with("sinks_send_everything_in_order", || servers.shared(), run(sinks::SMALL)),
        full("full_sinks_send_everything_in_order", || servers.shared(), run(sinks::FULL)),
    ]
}

/// A test that takes minutes.
fn full<S>(
    name: &str,
    servers: impl FnOnce() -> Result<S, NoServer> + Send + 'static,
    run: impl FnOnce(S) + Send + 'static,
) -> Trial {
    trial_with(name, servers, run).with_ignored_flag(true)
}
