//! `flightdeck secrets`: the keys that credentials of providers and sinks are sealed with, whether or not a server is running.

use std::collections::BTreeSet;
use std::sync::Arc;

use flightdeck_domain::action::Origin;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::{InvalidText, RequestId};
use flightdeck_domain::use_cases::{Ports, ResealCredentials, Resealed};
use flightdeck_sealing::{KeySource, Sealer};
use flightdeck_settings::{Flags, StorageSettings};
use flightdeck_storage::open_store;
use flightdeck_terminal::{BoxError, Outcome, json_pretty, say};
use serde_json::json;

use crate::grammar::{SecretsArgs, SecretsCommand};

/// Something is still sealed with a key that was to be retired, or could not be sealed anew.
#[derive(Debug, thiserror::Error)]
enum NotSealed {
    #[error("not sealed with the newest key: {}", .0.join("; "))]
    Left(Vec<String>),
    #[error("credentials are still sealed with older keys: {}; run flightdeck secrets rotate first", .0.join(", "))]
    InUse(Vec<String>),
}

/// Does what was typed.
///
/// # Errors
/// The keys cannot be read or written, the store cannot be opened, or a credential cannot be opened.
pub async fn run(args: &SecretsArgs) -> Outcome {
    match &args.command {
        SecretsCommand::Show { json, flags } => show(*json, flags).await,
        SecretsCommand::Rotate { no_new_key, json, flags } => rotate(*no_new_key, *json, flags).await,
        SecretsCommand::Retire { json, flags } => retire(*json, flags).await,
    }
}

async fn open(flags: &Flags) -> Result<(Ports, KeySource), BoxError> {
    let storage = StorageSettings::load(flags)?;
    let keys = KeySource::find(storage.secrets_key_file.clone(), |name| std::env::var(name).ok())?;
    Ok((open_store(&storage).await?, keys))
}

/// How many credentials each key holds.
async fn in_use(ports: &Ports) -> Result<std::collections::BTreeMap<String, usize>, BoxError> {
    let mut in_use = std::collections::BTreeMap::new();
    let of_configs = ports.provider_configs.provider_configs().await?.into_iter().map(|config| config.credentials);
    let of_sinks = ports.sinks.sinks().await?.into_iter().map(|sink| sink.credentials);
    for sealed in of_configs.chain(of_sinks).flat_map(std::collections::BTreeMap::into_values) {
        *in_use.entry(sealed.key_id).or_default() += 1;
    }
    Ok(in_use)
}

async fn show(json: bool, flags: &Flags) -> Outcome {
    let (ports, keys) = open(flags).await?;
    let keys: Vec<String> = keys.all()?.iter().map(|key| key.id().to_owned()).collect();
    let in_use = in_use(&ports).await?;
    let missing: Vec<&String> = in_use.keys().filter(|id| !keys.contains(id)).collect();
    if json {
        say(json_pretty(&json!({"keys": keys, "credentials": in_use, "missing": missing})));
        return Ok(());
    }
    if keys.is_empty() {
        say("there is no key yet; one is made when the first credential is sealed");
    }
    for (place, id) in keys.iter().enumerate() {
        let which = if place == 0 { "newest" } else { "older " };
        say(format!("{which}  {id}   {} credentials", in_use.get(id).copied().unwrap_or_default()));
    }
    for id in missing {
        say(format!("missing  {id}   {} credentials cannot be opened", in_use.get(id).copied().unwrap_or_default()));
    }
    Ok(())
}

async fn rotate(no_new_key: bool, json: bool, flags: &Flags) -> Outcome {
    let (ports, keys) = open(flags).await?;
    let in_file = matches!(keys, KeySource::File(_));
    let added = if in_file && !no_new_key { Some(keys.add()?) } else { None };
    let origin = Origin::new(Actor::local_cli(), request()?);
    let sealer = Arc::new(Sealer::new(keys));
    let Resealed { done, left } = ResealCredentials::new(&ports, sealer).execute(&origin).await?;
    let left: Vec<String> = left.into_iter().map(|(name, why)| format!("{name}: {why}")).collect();
    if json {
        let done: Vec<String> = done.iter().map(ToString::to_string).collect();
        say(json_pretty(&json!({"newKey": added, "sealed": done, "left": left})));
    } else {
        if let Some(id) = &added {
            say(format!("new key    {id}   (running servers on this file take it at once)"));
        }
        say(format!("sealed     {} configurations and sinks", done.len()));
    }
    if left.is_empty() { Ok(()) } else { Err(NotSealed::Left(left).into()) }
}

async fn retire(json: bool, flags: &Flags) -> Outcome {
    let (ports, keys) = open(flags).await?;
    let newest = keys.all()?.first().map(|key| key.id().to_owned());
    let in_use: BTreeSet<String> = in_use(&ports).await?.into_keys().collect();
    let older: Vec<String> = in_use.into_iter().filter(|id| Some(id) != newest.as_ref()).collect();
    if !older.is_empty() {
        return Err(NotSealed::InUse(older).into());
    }
    let gone = keys.retire()?;
    if json {
        say(json_pretty(&json!({"retired": gone})));
    } else {
        say(format!("retired    {}", if gone.is_empty() { "nothing".to_owned() } else { gone.join(", ") }));
    }
    Ok(())
}

fn request() -> Result<RequestId, InvalidText> {
    RequestId::new(format!("cli {}", std::process::id()))
}
