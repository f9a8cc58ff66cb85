//! The word that a running server leaves for commands on the same machine.

use std::path::{Path, PathBuf};

use flightdeck_settings::SERVER_URL_FILE;

/// Leaves word of where a server listens, and gives the file. That it cannot be written is told in the log alone.
#[must_use]
pub fn publish(data_dir: &Path, url: &str) -> PathBuf {
    let path = data_dir.join(SERVER_URL_FILE);
    if let Err(error) = std::fs::write(&path, format!("{url}\n")) {
        tracing::warn!(%error, path = %path.display(), "commands on this machine will not find the server by themselves");
    }
    path
}

/// Takes it back, unless another server has left its own since.
pub fn withdraw(path: &Path, url: &str) {
    if std::fs::read_to_string(path).is_ok_and(|text| text.trim() == url) {
        let _ = std::fs::remove_file(path);
    }
}
