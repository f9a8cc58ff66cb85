//! `flightdeck epoch`: which history of the deployment the database holds.

use flightdeck_domain::use_cases::KeepEpoch;
use flightdeck_settings::StorageSettings;
use flightdeck_storage::open_store;
use flightdeck_terminal::{Outcome, json_pretty, say};
use serde_json::json;

use crate::grammar::{EpochArgs, EpochCommand};

/// Does what was typed.
///
/// # Errors
/// The store cannot be used.
pub async fn run(args: &EpochArgs) -> Outcome {
    let (renew, json, flags) = match &args.command {
        Some(EpochCommand::Renew { json, flags }) => (true, *json, flags),
        None => (false, args.json, &args.flags),
    };
    let ports = open_store(&StorageSettings::load(flags)?).await?;
    let epoch = if renew {
        Some(KeepEpoch::renew_now(&*ports.epochs, &*ports.ids).await?)
    } else {
        ports.epochs.epoch().await?
    };
    match epoch {
        epoch if json => say(json_pretty(&json!({"epoch": epoch.map(|epoch| epoch.to_string())}))),
        Some(epoch) => say(epoch),
        None => say("none yet: no server has run on this database"),
    }
    Ok(())
}
