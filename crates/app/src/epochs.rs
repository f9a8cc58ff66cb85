//! `flightdeck epoch`, and the server's watch over its store's history.

use std::time::Duration;

use clap::{ArgMatches, Command};
use flightdeck_domain::use_cases::{KeepEpoch, KeepEpochError};
use flightdeck_http_api::CurrentEpoch;
use flightdeck_live::Hints;
use tokio_util::sync::CancellationToken;

use crate::cli::{Outcome, configuration, say};
use crate::config;
use crate::deployment::open_store;

/// What was committed longer ago than this is known to be missing after a restore to a moment before it.
const EVERY: Duration = Duration::from_secs(10);

pub(crate) fn grammar() -> Command {
    Command::new("epoch")
        .about("Show which history of the deployment the database holds; cursors of readers belong to one")
        .args(config::flags())
        .subcommand(
            Command::new("renew")
                .about("Give the history a new name, so that readers with a cursor from before start over")
                .args(config::flags()),
        )
}

pub(crate) async fn run(matches: &ArgMatches) -> Outcome {
    let (renew, given) = match matches.subcommand() {
        Some((_, given)) => (true, given),
        None => (false, matches),
    };
    let ports = open_store(&configuration(given)?).await?.ports;
    if renew {
        say(KeepEpoch::renew_now(&*ports.epochs, &*ports.ids).await?);
        return Ok(());
    }
    match ports.epochs.epoch().await? {
        Some(epoch) => say(epoch),
        None => say("none yet: no server has run on this database"),
    }
    Ok(())
}

/// Leaves a mark whenever something has moved, until the shutdown. When the store turns out to have gone back, it ends the
/// server by the shutdown, and says so.
pub(crate) async fn keep_marking(
    keep: KeepEpoch,
    current: CurrentEpoch,
    hints: std::sync::Arc<Hints>,
    shutdown: CancellationToken,
) -> Result<(), KeepEpochError> {
    let mut marked = hints.moves();
    loop {
        let stopping = tokio::select! {
            () = shutdown.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        let moved = hints.moves();
        let found = if stopping || moved != marked { keep.mark_again().await } else { Ok(keep.look().await?) };
        match found {
            Ok(epoch) => {
                current.set(epoch);
                marked = moved;
            }
            Err(KeepEpochError::WentBack) => {
                shutdown.cancel();
                return Err(KeepEpochError::WentBack);
            }
            Err(KeepEpochError::Unavailable(error)) => {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "no mark could be left in the store; trying again");
            }
        }
        if stopping {
            return Ok(());
        }
    }
}
