//! The spool of stops, looked at from outside of the server.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// Whether no stop waits for its place on the audit log: of the newest generation of lines, each that was kept was removed.
pub(crate) fn spool_is_empty(data_dir: &Path) -> bool {
    let bytes = std::fs::read(data_dir.join("audit-spool.jsonl")).expect("the spool");
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<(&str, Value)> = text.lines().filter_map(read).collect();
    let newest = lines.iter().map(|(generation, _)| *generation).max();
    let mut waiting = BTreeSet::new();
    for (_, step) in lines.iter().filter(|(generation, _)| Some(*generation) == newest) {
        match (step["keep"]["id"].as_str(), step["remove"]["id"].as_str()) {
            (Some(kept), _) => drop(waiting.insert(kept)),
            (_, Some(removed)) => drop(waiting.remove(removed)),
            _ => {}
        }
    }
    waiting.is_empty()
}

/// `<crc> <generation> <step>`; what an earlier generation has left may be cut anywhere.
fn read(line: &str) -> Option<(&str, Value)> {
    let (_crc, rest) = line.split_once(' ')?;
    let (generation, step) = rest.split_once(' ')?;
    Some((generation, serde_json::from_str(step).ok()?))
}
