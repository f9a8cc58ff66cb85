//! `flightdeck keys`: works on the database itself, whether or not a server is running on it.

use std::time::Duration;

use flightdeck_domain::action::Origin;
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::ids::{KeyId, SessionId};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::ports::Clock;
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::text::{KeyName, MissionId, RequestId};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{CreateKey, ListKeys, NewKey, RevokeKey};
use flightdeck_settings::{Flags, StorageSettings};
use flightdeck_storage::open_store;
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, json_pretty, say, text};
use serde_json::{Map, Value};

use crate::grammar::{CreateArgs, KeysArgs, KeysCommand};

const DAY: u64 = 24 * 60 * 60;

/// A flag that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{flag}: {value:?} {problem}")]
pub(crate) struct WrongFlag {
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
        KeysCommand::List { json, flags } => list(*json, flags).await,
        KeysCommand::Revoke { id, json, flags } => revoke(id, *json, flags).await,
    }
}

fn session_id(text: &str) -> Result<SessionId, String> {
    text.parse().map_err(|_error| "is not a UUID".to_owned())
}

/// The missions that a key is to be for.
fn missions(names: &[String]) -> Result<Option<MissionSet>, WrongFlag> {
    if names.is_empty() {
        return Ok(None);
    }
    let wrong = |problem: String| WrongFlag { flag: "--missions", value: names.join(","), problem };
    let missions = names.iter().map(|name| MissionId::new(name.as_str())).collect::<Result<Vec<_>, _>>();
    let missions = missions.map_err(|error| wrong(error.to_string()))?;
    MissionSet::new(missions).map(Some).map_err(|error| wrong(error.to_string()))
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
    let missions = missions(&args.missions)?;
    let days = read(args.days.as_ref(), "--days", |text| {
        let days = text.parse::<u64>().ok().filter(|days| (1..=36_500).contains(days));
        days.ok_or_else(|| "is not a number of days from 1 to 36500".to_owned())
    })?;
    let new = NewKey {
        name: name.map_or_else(|| KeyName::new("unnamed"), Ok)?,
        role,
        bound_to,
        place,
        missions,
        lifetime: days.map(|days| Duration::from_secs(days * DAY)),
    };
    let ports = open_store(&StorageSettings::load(&args.flags)?).await?;
    let (plain, key) = CreateKey::new(&ports).execute(new, Actor::local_cli(), request()?).await?;
    if args.json {
        let mut told = as_json(&key, SystemClock.now());
        told.insert("key".to_owned(), plain.reveal().into());
        say(json_pretty(&Value::Object(told)));
        return Ok(());
    }
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
    if let Some(missions) = &key.missions {
        say(format!("missions {}   (the key is for their sessions alone)", text(&missions.to_string())));
    }
    if let Some(end) = key.expires_at {
        say(format!("expires  {end}"));
    }
    Ok(())
}

async fn list(json: bool, flags: &Flags) -> Outcome {
    let ports = open_store(&StorageSettings::load(flags)?).await?;
    let now = SystemClock.now();
    let keys = ListKeys::new(&ports).execute().await?;
    let out = Out::new(json);
    if json {
        out.json(&keys.iter().map(|key| Value::Object(as_json(key, now))).collect());
        return Ok(());
    }
    let mut table = Table::new(&[
        Column::whole("ID"),
        Column::whole("ROLE"),
        Column::cut("NAME"),
        Column::whole("STATE"),
        Column::whole("CREATED"),
        Column::whole("SESSION"),
        Column::whole("PARENT"),
        Column::wrapped("MISSION"),
    ]);
    for key in &keys {
        let id = |id: Option<SessionId>| id.map(|id| id.to_string()).unwrap_or_default();
        let state = state(key, now);
        let tone = if state == "good" { Tone::Good } else { Tone::Faint };
        table.row([
            (Tone::Plain, key.id.as_str()),
            (Tone::Plain, &key.role.to_string()),
            (Tone::Strong, &key.name.to_string()),
            (tone, state),
            (Tone::Plain, &key.created_at.to_string()),
            (Tone::Faint, &id(key.bound_to)),
            (Tone::Faint, &id(key.place.parent_id)),
            (Tone::Plain, &mission_of(key)),
        ]);
    }
    out.table(&table, "no keys");
    Ok(())
}

async fn revoke(id: &String, json: bool, flags: &Flags) -> Outcome {
    let id = read(Some(id), "id", |text| KeyId::new(text).map_err(|error| error.to_string()))?;
    let Some(id) = id else { return Ok(()) };
    let ports = open_store(&StorageSettings::load(flags)?).await?;
    let key = RevokeKey::new(&ports).execute(id, Origin::new(Actor::local_cli(), request()?)).await?;
    if json {
        say(json_pretty(&Value::Object(as_json(&key, SystemClock.now()))));
    } else {
        say(format!("key {} ({}) is revoked", key.id, key.name));
    }
    Ok(())
}

/// What may be shown of a key at any time.
fn as_json(key: &ApiKey, now: Timestamp) -> Map<String, Value> {
    let id = |id: Option<SessionId>| id.map(|id| id.to_string());
    let facts = [
        ("id", Some(key.id.to_string())),
        ("role", Some(key.role.to_string())),
        ("name", Some(key.name.to_string())),
        ("state", Some(state(key, now).to_owned())),
        ("createdAt", Some(key.created_at.to_string())),
        ("expiresAt", key.expires_at.map(|at| at.to_string())),
        ("sessionId", id(key.bound_to)),
        ("parentSessionId", id(key.place.parent_id)),
        ("missionId", key.place.mission_id.as_ref().map(ToString::to_string)),
    ];
    let mut told: Map<String, Value> = facts.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let missions = key.missions.as_ref().map(|missions| missions.iter().map(MissionId::as_str).collect::<Value>());
    told.insert("missions".to_owned(), missions.into());
    told
}

/// The mission of an agent's session, or those that a key is for.
fn mission_of(key: &ApiKey) -> String {
    let missions = key.missions.iter().flat_map(MissionSet::iter).chain(&key.place.mission_id);
    missions.map(MissionId::as_str).collect::<Vec<_>>().join(", ")
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
