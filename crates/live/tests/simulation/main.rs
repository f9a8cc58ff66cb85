//! A simulation: replicas over one store, agents, operators and readers, driven by a seed on one thread, with everything going
//! wrong that may; an oracle looks after every step whether what is promised holds.
//!
//! `FLIGHTDECK_SIMULATION_SEEDS=N` runs so many seeds, `FLIGHTDECK_SIMULATION_SEED=S` runs that one and prints its steps. A seed
//! that fails is printed with its steps; the same seed takes the same steps again.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod chance;
mod clients;
mod followers;
mod oracle;
mod replica;
mod requests;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::world::{Trace, World};

/// How many steps there are before the end.
const STEPS: u32 = 500;

/// What a seed came to.
struct Run {
    seed: u64,
    trace: Vec<String>,
    wrong: Option<String>,
}

fn run(seed: u64) -> Run {
    let trace = Trace::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let told = trace.clone();
    let done =
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(async move { World::new(seed, told).run(STEPS).await })));
    let wrong = match done {
        Ok(verdict) => verdict.err(),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            Some(format!("panics: {}", said.or_else(|| panic.downcast_ref().copied()).unwrap_or("?")))
        }
    };
    Run { seed, trace: trace.lines(), wrong }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

#[test]
fn what_is_promised_holds_whatever_goes_wrong() {
    if let Some(seed) = number("FLIGHTDECK_SIMULATION_SEED") {
        let run = run(seed);
        run.trace.iter().for_each(|line| println!("{line}"));
        assert!(run.wrong.is_none(), "seed {seed}: {}", run.wrong.unwrap_or_default());
        return;
    }
    let seeds = number("FLIGHTDECK_SIMULATION_SEEDS").unwrap_or(1_000);
    let next = AtomicU64::new(0);
    let failed: Mutex<Vec<Run>> = Mutex::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let run = run(seed);
                    if run.wrong.is_some() {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(run);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort_by_key(|run| run.seed);
    let Some(first) = failed.first() else { return };
    first.trace.iter().for_each(|line| println!("{line}"));
    let wrong = |run: &Run| format!("seed {}: {}", run.seed, run.wrong.as_deref().unwrap_or_default());
    let some: Vec<String> = failed.iter().take(20).map(wrong).collect();
    panic!(
        "{} of {seeds} seeds fail; replay one with FLIGHTDECK_SIMULATION_SEED=S:\n{}",
        failed.len(),
        some.join("\n")
    );
}

/// Words of the steps, each of which some of the first seeds take.
const STEPS_OF_SOME: [&str; 20] = [
    "crashes in call",
    "crashes by itself",
    "for it cannot start",
    "(unheard)",
    "the store is not available",
    "cannot read: true",
    "moves by -",
    "spawn",
    "acknowledge",
    "inject",
    "Cancel",
    "Close",
    "withdraw",
    "decide",
    "kill subtree",
    "pause mission",
    "KillAll",
    "ReleaseKillSwitch",
    "is killed or being killed",
    "the kill switch is engaged",
];

#[test]
fn a_seed_takes_the_same_steps_again_and_the_seeds_take_many() {
    let mut all = Vec::new();
    for seed in 0..30 {
        let (one, other) = (run(seed), run(seed));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        all.extend(one.trace);
    }
    for words in STEPS_OF_SOME {
        assert!(all.iter().any(|line| line.contains(words)), "no seed takes a step {words:?}");
    }
}
