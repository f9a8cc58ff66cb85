//! The first admin key.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::text::{KeyName, RequestId};
use flightdeck_domain::use_cases::{CreateKey, ListKeys, NewKey, Ports};
use flightdeck_settings::ADMIN_KEY_FILE;

/// Why there is no first key.
#[derive(Debug, thiserror::Error)]
pub enum AdminKeyError {
    /// Its file cannot be written.
    #[error("cannot write the first admin key to {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be stored.
    #[error("cannot store the first admin key")]
    Store(#[from] flightdeck_domain::ports::StoreUnavailable),
    /// Its name is none.
    #[error(transparent)]
    Text(#[from] flightdeck_domain::text::InvalidText),
}

/// When there is no key at all, makes an admin key and writes it to the data folder, readable by its owner only.
/// Says where, if it did.
///
/// # Errors
/// It cannot be written or stored.
pub async fn ensure(ports: &Ports, data_dir: &Path) -> Result<Option<PathBuf>, AdminKeyError> {
    if !ListKeys::new(ports).execute().await?.is_empty() {
        return Ok(None);
    }
    let path = data_dir.join(ADMIN_KEY_FILE);
    let create = CreateKey::new(ports);
    let place = SessionPlace::default();
    let new = NewKey {
        name: KeyName::new("first admin")?,
        role: Role::Admin,
        bound_to: None,
        place,
        missions: None,
        lifetime: None,
    };
    let (plain, key) = create.prepare(new);
    // The file is safe before the key is stored: a key that nobody can read would lock everybody out.
    write(&path, &plain.reveal()).map_err(|source| AdminKeyError::File { path: path.clone(), source })?;
    if create.store_first(key, Actor::system(), RequestId::new("first start")?).await? {
        return Ok(Some(path));
    }
    // Another replica was first; its key is the one.
    fs::remove_file(&path).map_err(|source| AdminKeyError::File { path, source })?;
    Ok(None)
}

fn write(path: &Path, key: &str) -> io::Result<()> {
    let mut file = create(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        let file = options.open(path)?;
        // An older file keeps its mode when it is opened: set it anyway.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}
