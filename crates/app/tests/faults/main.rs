//! The faults of an ordinary bad day, each put to the real binary: a log that cannot be written, a full disk, a worker that
//! panics, a data folder that goes away. What becomes of each is told in `docs/security.md`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod closed_log;
mod data_folder;
mod freeze;
mod full_disk;
mod panics;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use flightdeck_test_servers::postgres::PostgresServer;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let postgres = PostgresServer::find().map(Arc::new);
    let tests = [closed_log::trials(), data_folder::trials(), freeze::trials(), full_disk::trials()];
    let tests = tests.into_iter().chain([panics::trials(&postgres)]).flatten();
    let conclusion = libtest_mimic::run(&arguments, tests.collect());
    if let Ok(server) = postgres {
        server.stop();
    }
    conclusion.exit_code()
}

/// A test that needs nothing that a machine may lack.
fn plain(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
