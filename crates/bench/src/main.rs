//! The load generator behind every performance figure of Flightdeck.
//!
//! It knows Flightdeck by its HTTP API alone, runs on one thread, and does as little for each request and event as can be,
//! so that the server is what is measured. While it measures it checks: seqs are dense, nothing comes twice, texts are the
//! ones that were sent. A run with a violation has no figures.
//!
//! Each load is a file in `scenario`; `limits` measures what bounds a server on this machine; `report` puts both side by
//! side. What does not belong here: anything that only works because of how the server is built inside.

mod append;
mod baseline;
mod check;
mod cli;
mod compare;
mod content;
mod error;
#[cfg(test)]
mod fake;
mod figures;
mod fleet;
mod http;
mod instructions;
mod limits;
mod number;
mod options;
mod process;
mod progress;
mod report;
mod scenario;
mod server;
mod smoke;
mod sse;
mod stats;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
