//! `flightdeck keys`: works on the database itself, whether or not a server is running on it.

use std::time::Duration;

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::ids::{KeyId, SessionId};
use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::ports::Clock;
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::text::{KeyName, MissionId, RequestId};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{CreateKey, ListKeys, NewKey, RevokeKey};
use flightdeck_settings::{Flags, StorageSettings};
use flightdeck_storage::open_store;
use flightdeck_terminal::{Outcome, say, text};

use crate::grammar::{CreateArgs, KeysArgs, KeysCommand};

const DAY: u64 = 24 * 60 * 60;

/// A flag that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{flag}: {value:?} {problem}")]
struct WrongFlag {
    flag: &'static str,
    value: String,
    problem: String,
}

/// Reads a value that was given.
fn read<T>(
    value: Option<&String>,
    flag: &'static str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, WrongFlag> {
    let Some(value) = value else { return Ok(None) };
    parse(value).map(Some).map_err(|problem| WrongFlag { flag, value: value.clone(), problem })
}

/// Does what was typed.
///
/// # Errors
/// A flag cannot be used, the store cannot be opened, or the domain is against it.
pub async fn run(args: &KeysArgs) -> Outcome {
    match &args.command {
        KeysCommand::Create(args) => create(args).await,
        KeysCommand::List { flags } => list(flags).await,
        KeysCommand::Revoke { id, flags } => revoke(id, flags).await,
    }
}

fn session_id(text: &str) -> Result<SessionId, String> {
    text.parse().map_err(|_error| "is not a UUID".to_owned())
}

async fn create(args: &CreateArgs) -> Outcome {
    let role = read(Some(&args.role), "--role", |text| text.parse::<Role>().map_err(|error| error.to_string()))?;
    let role = role.unwrap_or(Role::Viewer);
    let name = read(Some(&args.name), "--name", |text| KeyName::new(text).map_err(|error| error.to_string()))?;
    let bound_to = read(args.session.as_ref(), "--session", session_id)?;
    let mission = |text: &str| MissionId::new(text).map_err(|error| error.to_string());
    let place = SessionPlace {
        parent_id: read(args.parent.as_ref(), "--parent", session_id)?,
        mission_id: read(args.mission.as_ref(), "--mission", mission)?,
    };
    let bound = [
        ("--session", bound_to.is_some()),
        ("--parent", place.parent_id.is_some()),
        ("--mission", place.mission_id.is_some()),
    ];
    if let Some((flag, _)) = bound.iter().find(|(_, given)| *given && role != Role::Agent) {
        let problem = format!("takes no {flag}; only agent does");
        return Err(WrongFlag { flag: "--role", value: role.to_string(), problem }.into());
    }
    let days = read(args.days.as_ref(), "--days", |text| {
        let days = text.parse::<u64>().ok().filter(|days| (1..=36_500).contains(days));
        days.ok_or_else(|| "is not a number of days from 1 to 36500".to_owned())
    })?;
    let new = NewKey {
        name: name.map_or_else(|| KeyName::new("unnamed"), Ok)?,
        role,
        bound_to,
        place,
        lifetime: days.map(|days| Duration::from_secs(days * DAY)),
    };
    let ports = open_store(&StorageSettings::load(&args.flags)?).await?;
    let (plain, key) = CreateKey::new(&ports).execute(new, Actor::local_cli(), request()?).await?;
    if args.quiet {
        say(plain.reveal());
        return Ok(());
    }
    say(format!("key      {}   (shown this once)", plain.reveal()));
    say(format!("id       {}", key.id));
    say(format!("role     {}", key.role));
    if let Some(session) = key.bound_to {
        say(format!("session  {session}   (the key works for this session and those below it)"));
        if let Some(parent) = key.place.parent_id {
            say(format!("parent   {parent}"));
        }
        if let Some(mission) = &key.place.mission_id {
            say(format!("mission  {}", text(mission.as_str())));
        }
    }
    if let Some(end) = key.expires_at {
        say(format!("expires  {end}"));
    }
    Ok(())
}

async fn list(flags: &Flags) -> Outcome {
    let ports = open_store(&StorageSettings::load(flags)?).await?;
    let now = SystemClock.now();
    say(format!(
        "{:<14}{:<10}{:<24}{:<10}{:<29}{:<38}{:<38}{}",
        "ID", "ROLE", "NAME", "STATE", "CREATED", "SESSION", "PARENT", "MISSION"
    ));
    for key in ListKeys::new(&ports).execute().await? {
        let id = |id: Option<SessionId>| id.map(|id| id.to_string()).unwrap_or_default();
        let mission = key.place.mission_id.as_ref().map(MissionId::as_str).unwrap_or_default();
        let line = format!(
            "{:<14}{:<10}{:<24}{:<10}{:<29}{:<38}{:<38}{}",
            key.id.to_string(),
            key.role.to_string(),
            key.name.to_string(),
            state(&key, now),
            key.created_at.to_string(),
            id(key.bound_to),
            id(key.place.parent_id),
            text(mission),
        );
        say(line.trim_end());
    }
    Ok(())
}

async fn revoke(id: &String, flags: &Flags) -> Outcome {
    let id = read(Some(id), "id", |text| KeyId::new(text).map_err(|error| error.to_string()))?;
    let Some(id) = id else { return Ok(()) };
    let ports = open_store(&StorageSettings::load(flags)?).await?;
    let key = RevokeKey::new(&ports).execute(id, Actor::local_cli(), request()?).await?;
    say(format!("key {} ({}) is revoked", key.id, key.name));
    Ok(())
}

fn state(key: &ApiKey, now: Timestamp) -> &'static str {
    match key.usable_at(now) {
        Ok(()) => "good",
        Err(flightdeck_domain::api_key::KeyRejected::Revoked) => "revoked",
        Err(_) => "expired",
    }
}

fn request() -> Result<RequestId, flightdeck_domain::text::InvalidText> {
    RequestId::new(format!("cli {}", std::process::id()))
}
