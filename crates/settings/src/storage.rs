//! Where a deployment keeps what it keeps.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::SettingsError;
use crate::flags::Flags;
use crate::layers::{Settings, environment};
use crate::values::{self, DatabaseUrl};

/// The settings that say where the data folder and the database are, and how the database is used.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageSettings {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The file with the keys that credentials are sealed with.
    pub secrets_key_file: PathBuf,
    /// A SQLite file inside the data folder unless it is set.
    pub database: DatabaseUrl,
    /// The most connections to PostgreSQL.
    pub database_connections: u32,
    /// Whether a pooler that shares connections by transaction stands before PostgreSQL.
    pub database_pooler: bool,
    /// Where the archive is; `None` when it is not set.
    pub archive_url: Option<String>,
    /// Standbys of the database, for reads that may lag.
    pub database_read: Option<ReadSettings>,
}

/// Where reads go that may lag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSettings {
    /// The standbys; always [`DatabaseUrl::Postgres`].
    pub url: DatabaseUrl,
    /// How far behind one of them may be.
    pub staleness: Duration,
}

impl StorageSettings {
    /// Reads them for a command with these flags.
    ///
    /// # Errors
    /// The settings cannot be read, or one of these values cannot be used.
    pub fn load(flags: &Flags) -> Result<Self, SettingsError> {
        Self::read(&Settings::load(flags, &environment())?)
    }

    /// Reads them out of the layers.
    ///
    /// # Errors
    /// A value cannot be used.
    pub fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let data_dir = settings.value("data_dir", values::path)?;
        let database = if settings.is_given("database_url") {
            settings.value("database_url", values::database)?
        } else {
            DatabaseUrl::Sqlite(data_dir.join("flightdeck.db"))
        };
        let is_shared = matches!(database, DatabaseUrl::Postgres(_));
        let read = |text: &str| values::standbys(text, is_shared);
        let staleness = settings.value("database_read_staleness", values::staleness)?;
        let database_read = settings.is_given("database_read_url").then(|| settings.value("database_read_url", read));
        let database_read = database_read.transpose()?.map(|url| ReadSettings { url, staleness });
        let secrets_key_file = if settings.is_given("secrets_key_file") {
            settings.value("secrets_key_file", values::path)?
        } else {
            data_dir.join("secrets.key")
        };
        let archive_url = settings.is_given("archive_url").then(|| settings.value("archive_url", values::place));
        Ok(Self {
            archive_url: archive_url.transpose()?,
            data_dir,
            secrets_key_file,
            database,
            database_read,
            database_connections: settings.value("database_connections", values::connections)?,
            database_pooler: settings.value("database_pooler", values::switch)?,
        })
    }
}
