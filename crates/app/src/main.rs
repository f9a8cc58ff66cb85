//! Mission control for fleets of AI agents: the one binary.
//!
//! Reads the configuration (`config`), wires the domain to a store, its providers and the HTTP side (`deployment`),
//! and runs one of the commands (`cli`). No rule of Flightdeck lives here.

mod admin_key;
mod audit;
mod audit_files;
mod audit_spool;
mod checkpoints;
mod cli;
mod client;
mod commands;
mod config;
mod conformance;
mod connect;
mod copy;
mod data_folder;
mod database_check;
mod demo;
mod deployment;
mod doctor;
mod epochs;
mod hook;
mod keys;
mod link;
mod logging;
mod login_link;
mod migrate;
mod replicas;
mod run;
mod serve;
mod store_memory;
mod terminal;
mod watch;

use std::process::ExitCode;

/// Chosen by measurement (`docs/performance.md`). It stands in for the C library's as well, for SQLite gains most.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Started again to stand between the server and an agent.
    if let Some(code) = flightdeck_processes::divert() {
        return code;
    }
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::fail(error.as_ref()),
    }
}
