//! The archive of the deployment, opened.

use std::sync::Arc;

use flightdeck_archive::{ArchivePlace, ObjectArchive};
use flightdeck_domain::ports::Archive;
use flightdeck_settings::{DatabaseUrl, StorageSettings};

use crate::error::StorageError;
use crate::folder::make_data_dir;

/// Where the archive is: where the setting says, or a folder beside an embedded database. `None` for a database that
/// several servers share: a folder of one of them could not be read by the others, so somebody has to say where it is.
///
/// # Errors
/// The setting names no place.
pub fn archive_place(settings: &StorageSettings) -> Result<Option<ArchivePlace>, StorageError> {
    match (&settings.archive_url, &settings.database) {
        (Some(place), _) => Ok(Some(place.parse().map_err(StorageError::Archive)?)),
        (None, DatabaseUrl::Sqlite(_)) => Ok(Some(ArchivePlace::Folder(settings.data_dir.join("archive")))),
        (None, DatabaseUrl::Postgres(_)) => Ok(None),
    }
}

/// Opens the archive, where there is one.
///
/// # Errors
/// The setting names no place, or the place cannot be used.
pub fn open_archive(settings: &StorageSettings) -> Result<Option<Arc<dyn Archive>>, StorageError> {
    let Some(place) = archive_place(settings)? else { return Ok(None) };
    make_data_dir(&settings.data_dir)?;
    let archive = ObjectArchive::open(&place, settings.data_dir.clone()).map_err(StorageError::Archive)?;
    Ok(Some(Arc::new(archive)))
}
