//! `flightdeck epoch`: which history of the deployment the database holds.

use flightdeck_domain::use_cases::KeepEpoch;
use flightdeck_settings::StorageSettings;
use flightdeck_storage::open_store;
use flightdeck_terminal::{Outcome, say};

use crate::grammar::{EpochArgs, EpochCommand};

/// Does what was typed.
///
/// # Errors
/// The store cannot be used.
pub async fn run(args: &EpochArgs) -> Outcome {
    let (renew, flags) = match &args.command {
        Some(EpochCommand::Renew { flags }) => (true, flags),
        None => (false, &args.flags),
    };
    let ports = open_store(&StorageSettings::load(flags)?).await?;
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
