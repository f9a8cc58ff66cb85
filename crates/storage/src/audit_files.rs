//! What stands beside the database so that the database cannot vouch for itself: the key that signs checkpoints, and the
//! checkpoints.

mod checkpoint_file;

pub use checkpoint_file::CheckpointFile;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flightdeck_domain::audit::CheckpointSigningKey;
use flightdeck_domain::ports::{CheckpointSigner, IdGenerator};
use flightdeck_domain::system::SystemIds;

const SIGNING_KEY: &str = "audit-signing.key";
const PUBLIC_KEY: &str = "audit-signing.pub";
const CHECKPOINTS: &str = "audit-checkpoints.jsonl";

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditFilesError {
    /// One of them cannot be read or written.
    #[error("cannot read or write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The key is none.
    #[error("{path} is no signing key: its text {problem}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There was a key, and it is gone.
    #[error(
        "{path} is missing, and {PUBLIC_KEY} beside it says that there was one; put it back, or move both \
         {PUBLIC_KEY} and {CHECKPOINTS} away to begin with a new key"
    )]
    KeyLost {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the signing key, or makes it at the first start: readable by its owner only, the public half beside it.
///
/// # Errors
/// It cannot be read or made, or was lost.
pub fn signing_key(data_dir: &Path) -> Result<CheckpointSigningKey, AuditFilesError> {
    let (path, public) = (data_dir.join(SIGNING_KEY), data_dir.join(PUBLIC_KEY));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AuditFilesError::File { path, source }
    };
    let key = match fs::read_to_string(&path) {
        Ok(text) => CheckpointSigningKey::parse(&text)
            .map_err(|error| AuditFilesError::Key { path: path.clone(), problem: error.to_string() })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if public.exists() {
                return Err(AuditFilesError::KeyLost { path });
            }
            let key = CheckpointSigningKey::from_seed(&SystemIds.random_bytes());
            create(&path, &key.reveal(), 0o600).map_err(failed(&path))?;
            key
        }
        Err(source) => return Err(AuditFilesError::File { path, source }),
    };
    let text = key.public_key().to_string();
    if fs::read_to_string(&public).ok().as_deref().map(str::trim) != Some(text.as_str()) {
        create(&public, &text, 0o644).map_err(failed(&public))?;
    }
    Ok(key)
}

/// The signing key, where a server has made one.
///
/// # Errors
/// It cannot be read, or was lost.
pub fn existing_key(data_dir: &Path) -> Result<Option<CheckpointSigningKey>, AuditFilesError> {
    let there = [SIGNING_KEY, PUBLIC_KEY].iter().any(|name| data_dir.join(name).exists());
    if there { signing_key(data_dir).map(Some) } else { Ok(None) }
}

fn create(path: &Path, line: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    writeln!(file, "{line}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_its_loss_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(existing_key(folder.path()).expect("looked").is_none(), "a look makes none");
        let first = signing_key(folder.path()).expect("made").public_key();
        assert_eq!(signing_key(folder.path()).expect("read").public_key(), first);
        let public = fs::read_to_string(folder.path().join(PUBLIC_KEY)).expect("written");
        assert_eq!(public.trim(), first.to_string());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(SIGNING_KEY)).expect("made").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        assert_eq!(existing_key(folder.path()).expect("looked").map(|key| key.public_key()), Some(first));
        fs::remove_file(folder.path().join(SIGNING_KEY)).expect("removed");
        assert!(existing_key(folder.path()).is_err(), "a lost key is told to a look, too");
        assert!(matches!(signing_key(folder.path()), Err(AuditFilesError::KeyLost { .. })));
        fs::write(folder.path().join(SIGNING_KEY), "nonsense").expect("written");
        assert!(matches!(signing_key(folder.path()), Err(AuditFilesError::Key { .. })));
    }
}
