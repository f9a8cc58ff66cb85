//! Where a deployment keeps what it keeps.

use std::path::PathBuf;

use crate::error::SettingsError;
use crate::flags::Flags;
use crate::layers::{Settings, environment};
use crate::values::{self, DatabaseUrl};

/// The settings that say where the data folder and the database are, and how the database is used.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageSettings {
    /// The data folder.
    pub data_dir: PathBuf,
    /// A SQLite file inside the data folder unless it is set.
    pub database: DatabaseUrl,
    /// The most connections to PostgreSQL.
    pub database_connections: u32,
    /// Whether a pooler that shares connections by transaction stands before PostgreSQL.
    pub database_pooler: bool,
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
        Ok(Self {
            data_dir,
            database,
            database_connections: settings.value("database_connections", values::connections)?,
            database_pooler: settings.value("database_pooler", values::switch)?,
        })
    }
}
