//! How values are read. Each fault says what would be right; the caller adds whose value it is.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::duration;

/// A path that is not empty.
///
/// # Errors
/// It is empty.
pub fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("is not a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// Where something is: a path or a URL. Whoever opens it says what it may be.
///
/// # Errors
/// It is empty.
pub(crate) fn place(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is not a place".to_owned()) } else { Ok(text.to_owned()) }
}

/// An address and port.
///
/// # Errors
/// It is none.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_error| "is not an address and port such as 127.0.0.1:7600".to_owned())
}

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the URL may hold a password.
    Postgres(String),
}

/// What may be shown of it.
impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => {
                // Whatever stands before the last @ may be a password; so may a parameter.
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let place = rest.split('?').next().unwrap_or_default();
                write!(f, "postgres://{}", place.rsplit('@').next().unwrap_or_default())
            }
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Reads where a database is.
///
/// # Errors
/// It is none that this build knows.
pub fn database(text: &str) -> Result<DatabaseUrl, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(DatabaseUrl::Postgres(text.to_owned()));
    }
    match text.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
        _ => {
            Err("is no database; use sqlite:///path/to/flightdeck.db or postgres://user:password@host/database"
                .to_owned())
        }
    }
}

/// Reads where standbys are, of a database on a server or of one in a file.
pub(crate) fn standbys(text: &str, is_shared: bool) -> Result<DatabaseUrl, String> {
    match database(text) {
        _ if !is_shared => Err("needs a database_url of PostgreSQL: an embedded database has no standbys".to_owned()),
        Ok(url @ DatabaseUrl::Postgres(_)) => Ok(url),
        _ => Err("is no PostgreSQL; use postgres://user:password@host1,host2/database".to_owned()),
    }
}

pub(crate) fn staleness(text: &str) -> Result<Duration, String> {
    let span = duration::parse(text);
    let span = span.filter(|span| (Duration::from_secs(1)..=Duration::from_hours(1)).contains(span));
    span.ok_or_else(|| "is not a time from 1s to 1h, such as 5s".to_owned())
}

pub(crate) fn connections(text: &str) -> Result<u32, String> {
    let count = text.parse::<u32>().ok().filter(|count| (4..=1_000).contains(count));
    count.ok_or_else(|| "is not a number of connections from 4 to 1000".to_owned())
}

/// `on` or `off`.
///
/// # Errors
/// It is neither.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("is neither on nor off".to_owned()),
    }
}
