//! `flightdeck copy`: moves a whole deployment into an empty database.

use std::fs::File;
use std::path::Path;

use flightdeck_domain::ports::{TransferSource, TransferTarget};
use flightdeck_domain::use_cases::{Transfer, Transferred};
use flightdeck_settings::{DatabaseUrl, database};
use flightdeck_storage::{LOCK_FILE, StorageError};
use flightdeck_store_postgres::{Options, PostgresTransfer};
use flightdeck_store_sqlite::SqliteTransfer;
use flightdeck_terminal::{Outcome, json_pretty, say};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use crate::grammar::CopyArgs;

/// Instead of the flags: other users of a machine can see the arguments of a command, and with them a password.
const FROM_VARIABLE: &str = "FLIGHTDECK_COPY_FROM";
const TO_VARIABLE: &str = "FLIGHTDECK_COPY_TO";

/// A place that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrongPlace {
    #[error(
        "{0} is missing; say where it is, as sqlite:///path/to/flightdeck.db or postgres://user:password@host/database"
    )]
    Missing(&'static str),
    #[error("{0}: the value, which is not shown here, {1}")]
    Value(&'static str, String),
}

/// Does what was typed.
///
/// # Errors
/// A place cannot be used, the target is not empty, or the copy is not what the source is; then the target is as it was.
pub async fn run(args: &CopyArgs) -> Outcome {
    let from = read(args.from.as_ref(), "from", FROM_VARIABLE)?;
    let to = read(args.to.as_ref(), "to", TO_VARIABLE)?;
    let _locks = (lock(&from)?, lock(&to)?);
    if !is_locked(&from) && !args.json {
        say(format!("{from} is not locked against servers; when one changes it meanwhile, nothing is copied"));
    }
    let mut source = source(&from).await?;
    let copied = Transfer::execute(source.as_mut(), target(&to).await?).await?;
    say(if args.json { json_pretty(&as_json(&from, &to, &copied)) } else { told(&from, &to, &copied) });
    Ok(())
}

fn read(flag: Option<&String>, name: &'static str, variable: &'static str) -> Result<DatabaseUrl, WrongPlace> {
    let text = flag.cloned().or_else(|| std::env::var(variable).ok()).ok_or(WrongPlace::Missing(name))?;
    database(&text).map_err(|problem| WrongPlace::Value(name, problem))
}

/// Keeps servers away from a database in a data folder.
fn lock(place: &DatabaseUrl) -> Result<Option<File>, StorageError> {
    match data_folder(place) {
        Some(folder) => flightdeck_storage::lock(folder).map(Some),
        None => Ok(None),
    }
}

fn is_locked(place: &DatabaseUrl) -> bool {
    data_folder(place).is_some()
}

/// The data folder that a database lies in: one that a server has run on.
fn data_folder(place: &DatabaseUrl) -> Option<&Path> {
    let DatabaseUrl::Sqlite(path) = place else { return None };
    path.parent().filter(|folder| folder.join(LOCK_FILE).exists())
}

async fn source(place: &DatabaseUrl) -> Result<Box<dyn TransferSource>, StorageError> {
    match place {
        DatabaseUrl::Sqlite(path) => SqliteTransfer::source(path).map_err(in_file(path)),
        DatabaseUrl::Postgres(url) => {
            let source = PostgresTransfer::source(url, &Options::default(), Handle::current()).await;
            source.map_err(at_server(place))
        }
    }
}

async fn target(place: &DatabaseUrl) -> Result<Box<dyn TransferTarget>, StorageError> {
    match place {
        DatabaseUrl::Sqlite(path) => SqliteTransfer::target(path).map_err(in_file(path)),
        DatabaseUrl::Postgres(url) => {
            let target = PostgresTransfer::target(url, &Options::default(), Handle::current()).await;
            target.map_err(at_server(place))
        }
    }
}

fn in_file(path: &Path) -> impl FnOnce(flightdeck_store_sqlite::OpenError) -> StorageError {
    |source| StorageError::Sqlite { path: path.to_owned(), source: Box::new(source) }
}

fn at_server(place: &DatabaseUrl) -> impl FnOnce(flightdeck_store_postgres::OpenError) -> StorageError {
    |source| StorageError::Postgres { url: place.clone(), source: Box::new(source) }
}

fn as_json(from: &DatabaseUrl, to: &DatabaseUrl, copied: &Transferred) -> Value {
    let counts: Map<String, Value> =
        copied.counts.iter().map(|(what, count)| ((*what).to_owned(), (*count).into())).collect();
    let head = copied.heads.audit;
    json!({
        "from": from.to_string(),
        "to": to.to_string(),
        "counts": counts,
        "auditHead": {"seq": head.seq, "hash": head.hash},
        "feedPosition": copied.heads.feed,
    })
}

fn told(from: &DatabaseUrl, to: &DatabaseUrl, copied: &Transferred) -> String {
    let counts: Vec<String> = copied.counts.iter().map(|(what, count)| format!("  {what:<18} {count}")).collect();
    let head = copied.heads.audit;
    format!(
        "done: {from} is copied to {to}, and the audit log holds together\n{}\n  {:<18} {} {}\n  {:<18} {}\n\
         Not in a database, and to be taken along into the new data folder:\n  \
         audit-signing.key, audit-signing.pub, audit-checkpoints.jsonl, replica.id, store-mark.json,\n  \
         and audit-spool.jsonl when there is one",
        counts.join("\n"),
        "audit head",
        head.seq,
        head.hash,
        "feed position",
        copied.heads.feed,
    )
}
