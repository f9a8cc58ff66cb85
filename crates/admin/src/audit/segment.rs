//! `flightdeck audit segment`: what is new on the log since the last segment, in a file of its own. A segment is an export
//! whose last entry is signed, so `flightdeck audit verify FILE` proves it without the server. The log itself is never cut.

use std::fs;
use std::path::{Path, PathBuf};

use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::use_cases::MakeCheckpoint;
use flightdeck_settings::StorageSettings;
use flightdeck_terminal::{Outcome, json_pretty, say};
use serde_json::json;

use super::{file, log};

/// Why no segment was closed.
#[derive(Debug, thiserror::Error)]
enum SegmentError {
    #[error("cannot use the folder {path}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("nothing is new: the segments in {0} reach up to the newest entry that is signed")]
    Nothing(PathBuf),
}

/// The first and the last entry of a segment, from the name of its file.
fn range(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Signs the newest entry, and writes everything behind the last segment up to it.
pub(super) async fn close(settings: &StorageSettings, folder: &Path, json: bool) -> Outcome {
    let unusable = |source| SegmentError::Folder { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(unusable)?;
    let mut last = 0;
    for found in fs::read_dir(folder).map_err(unusable)? {
        let name = found.map_err(unusable)?.file_name();
        last = last.max(range(&name.to_string_lossy()).map_or(0, |(_, last)| last));
    }
    let ports = log::open(settings).await?;
    let signed = MakeCheckpoint::new(&ports).execute().await?.checkpoint;
    let key = ports.checkpointing.as_ref().map(|checkpointing| checkpointing.signer.public_key());
    if signed.seq.get() <= last {
        return Err(SegmentError::Nothing(folder.to_owned()).into());
    }
    // An interrupted one left nothing that has a name of a segment.
    let new = folder.join("audit.new");
    let _ = fs::remove_file(&new);
    log::write(&ports, AuditSeq::new(last), &new).await?;
    let proven = file::prove(&new.display().to_string(), key, true)?;
    let proven: serde_json::Value = serde_json::from_str(&proven)?;
    let end = proven.pointer("/signedUpTo").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let to = proven.pointer("/head/seq").and_then(serde_json::Value::as_u64).unwrap_or(end);
    let path = folder.join(format!("audit-{:012}-{to:012}.jsonl", last + 1));
    fs::rename(&new, &path).map_err(unusable)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
    let (first, path) = (last + 1, path.display().to_string());
    say(if json {
        json_pretty(&json!({"file": path, "first": first, "last": to, "signedUpTo": end}))
    } else {
        format!("{path} is closed: entries {first} to {to}, signed; prove it with: flightdeck audit verify {path}")
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_segment_says_what_is_in_it() {
        assert_eq!(range("audit-000000000001-000000000042.jsonl"), Some((1, 42)));
        for other in ["audit.new", "audit-1.jsonl", "audit-a-b.jsonl", "x"] {
            assert_eq!(range(other), None, "{other}");
        }
    }
}
