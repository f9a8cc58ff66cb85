//! The kinds of load. Each is one file: its part of the command line, and what it does.

mod audience;
mod control;
mod fanout;
mod feed;
mod freeze;
mod history;
mod idle;
mod ingest;
mod mixed;
mod publish;
mod soak;
mod startup;
#[cfg(test)]
mod tests;
mod tree;
mod verify;
mod window;
mod writes;

use clap::{ArgMatches, Command};

use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::server::{Launcher, Server};

/// The commands that load a server.
pub(crate) fn grammars() -> [Command; 12] {
    [
        ingest::grammar(),
        fanout::grammar(),
        idle::grammar(),
        history::grammar(),
        tree::grammar(),
        feed::grammar(),
        control::grammar(),
        startup::grammar(),
        soak::grammar(),
        freeze::grammar(),
        writes::grammar(),
        mixed::grammar(),
    ]
}

/// Runs a load so many times.
///
/// # Errors
/// A violation or a failure of any run: there are no figures then.
pub(crate) async fn run(name: &str, given: &ArgMatches, launcher: &Launcher, runs: u64) -> Outcome<Vec<Figures>> {
    match name {
        "ingest" => fresh(launcher, runs, async |server| ingest::run(given, server).await).await,
        "fanout" => fresh(launcher, runs, async |server| fanout::run(given, server).await).await,
        "idle" => fresh(launcher, runs, async |server| idle::run(given, server).await).await,
        "history" => history::runs(given, launcher, runs).await,
        "tree" => tree::runs(given, launcher, runs).await,
        "feed" => fresh(launcher, runs, async |server| feed::run(given, server).await).await,
        "control" => fresh(launcher, runs, async |server| control::run(given, server).await).await,
        "freeze" => fresh(launcher, runs, async |server| freeze::run(given, server).await).await,
        "soak" => fresh(launcher, runs, async |server| soak::run(given, server).await).await,
        "writes" => fresh(launcher, runs, async |server| writes::run(given, server).await).await,
        "mixed" => fresh(launcher, runs, async |server| mixed::run(given, server).await).await,
        "startup" => startup::runs(given, launcher, runs).await,
        other => Err(BenchError::Usage(format!("there is no load {other:?}"))),
    }
}

/// Each run on a server of its own, so that none inherits what another left behind.
async fn fresh(
    launcher: &Launcher,
    runs: u64,
    run: impl AsyncFn(&Server) -> Outcome<Figures>,
) -> Outcome<Vec<Figures>> {
    let mut all = Vec::new();
    for _ in 0..runs {
        let server = launcher.start()?;
        all.push(run(&server).await?);
        server.stop()?;
    }
    Ok(all)
}
