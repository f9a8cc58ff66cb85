//! `flightdeck runner`, from its start to its end.

use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use flightdeck_client::ServerFlags;
use flightdeck_terminal::{Outcome, say};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::command::RunnerArgs;
use crate::link::Link;
use crate::outbox::Outbox;
use crate::program::Program;

/// Why the runner stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunnerFault {
    #[error("the server does not take this runner: {0}")]
    Refused(String),
    #[error("agents or reports are left; start the runner again with the same --data-dir to send them")]
    Unsent,
}

/// Runs `flightdeck runner`.
///
/// # Errors
/// The folder cannot be used, or the server does not take the runner.
pub async fn run(args: RunnerArgs) -> Outcome {
    let name = args.name()?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&args.data_dir)?;
    let client = ServerFlags { url: args.server.clone(), ..ServerFlags::default() }.connect()?;
    let base = client.base().to_owned();
    let outbox = Outbox::open(&args.data_dir)?;
    let link = Link::new(client);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let runner = Arc::new(Program::new(name, &args, link, outbox)?);
    runner.sweep(&args.data_dir).await;
    let takes = tokio::spawn(Arc::clone(&runner).take());
    say(format!("runner {} works for {base} ({} agents at once)", runner.name(), args.capacity));
    let mut takes = takes;
    tokio::select! {
        done = &mut takes => return done?.map_err(Into::into),
        () = told(&mut terminate, &mut interrupt) => {}
    }
    runner.drain();
    say(format!("runner {} takes no more agents; {} are at work", runner.name(), runner.held().at_work()));
    let patience = Instant::now() + Duration::from_secs(args.drain_secs);
    tokio::select! {
        () = runner.idle() => {}
        () = tokio::time::sleep_until(patience) => {}
        () = told(&mut terminate, &mut interrupt) => {}
    }
    runner.stop().await;
    takes.abort();
    runner.leave().await;
    if runner.held().is_empty() { Ok(()) } else { Err(RunnerFault::Unsent.into()) }
}

async fn told(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
