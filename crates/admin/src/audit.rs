//! `flightdeck audit`: proves exports anywhere, and works on the audit log of this machine's data folder, whether or not a
//! server is running on it.

mod file;
mod log;
mod segment;

use std::path::Path;

use flightdeck_domain::audit::CheckpointKey;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_settings::StorageSettings;
use flightdeck_terminal::{BoxError, Outcome, say};

use crate::grammar::{AuditCheckpointArgs, AuditExportArgs, AuditSegmentArgs, AuditVerifyArgs};

/// A flag that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrongFlag {
    #[error("--public-key: {0:?} is neither 64 hexadecimal digits nor a file that holds them")]
    Key(String),
    #[error("--after: {0:?} is no place on the log; give the seq of an entry")]
    After(String),
}

/// Proves an export, or without one the log of the data folder, and says what is proven.
///
/// # Errors
/// It is not proven, or cannot be read.
pub async fn verify(args: &AuditVerifyArgs) -> Outcome {
    let trusted = args.public_key.as_deref().map(public_key).transpose()?;
    say(match &args.file {
        Some(path) => file::prove(path, trusted, args.json)?,
        None => log::verify(&StorageSettings::load(&args.flags)?, trusted, args.json).await?,
    });
    Ok(())
}

/// Takes the log out of the data folder.
///
/// # Errors
/// It cannot be read, or cannot be written where it is to go.
pub async fn export(args: &AuditExportArgs) -> Outcome {
    let after = AuditSeq::new(seq(args.after.as_deref())?);
    log::export(&StorageSettings::load(&args.flags)?, after, args.out.as_deref().map(Path::new), args.json).await
}

/// The place of `--after`; 0 when it is missing.
///
/// # Errors
/// It is no place.
pub fn seq(after: Option<&str>) -> Result<u64, BoxError> {
    let Some(text) = after else { return Ok(0) };
    Ok(text.parse().or(Err(WrongFlag::After(text.to_owned())))?)
}

/// Signs the newest entry.
///
/// # Errors
/// There is none, or it cannot be signed.
pub async fn checkpoint(args: &AuditCheckpointArgs) -> Outcome {
    log::checkpoint(&StorageSettings::load(&args.flags)?, args.refill, args.json).await
}

/// Closes a segment.
///
/// # Errors
/// The log cannot be read or signed, or the folder cannot be written.
pub async fn segment(args: &AuditSegmentArgs) -> Outcome {
    segment::close(&StorageSettings::load(&args.flags)?, Path::new(&args.folder), args.json).await
}

/// Digits, or a file of digits.
fn public_key(text: &str) -> Result<CheckpointKey, WrongFlag> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let file = std::fs::read_to_string(Path::new(text)).ok();
    file.and_then(|text| text.trim().parse().ok()).ok_or_else(|| WrongFlag::Key(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_digits_or_a_file_of_digits() {
        let digits = "ab".repeat(32);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pub");
        std::fs::write(&path, format!("{digits}\n")).expect("written");
        let key = public_key(path.to_str().expect("a text"));
        assert!(matches!(public_key("nonsense"), Err(WrongFlag::Key(_))));
        match (public_key(&digits), key) {
            (Ok(given), Ok(read)) => assert_eq!(given, read),
            // Not every 32 bytes are a key; then neither form is.
            (given, read) => assert!(given.is_err() && read.is_err()),
        }
    }
}
