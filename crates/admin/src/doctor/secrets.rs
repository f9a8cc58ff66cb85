//! The files that hold secrets, or that a proof rests on: whether anybody else can read or change them.

use std::fs;
use std::path::{Path, PathBuf};

use flightdeck_settings::{DatabaseUrl, StorageSettings};

use super::report::Check;

/// What lies in a data folder: a name, and whether others may not even read it.
const FILES: [(&str, bool); 13] = [
    ("audit-signing.key", true),
    ("secrets.key", true),
    ("audit-spool.jsonl", true),
    ("flightdeck.db", true),
    ("flightdeck.db-wal", true),
    ("flightdeck.db-shm", true),
    ("agent-logs", true),
    ("worktrees", true),
    ("audit-signing.pub", false),
    ("audit-checkpoints.jsonl", false),
    ("store-mark.json", false),
    ("replica.id", false),
    ("server.url", false),
];

/// The bits of a mode by which others read, and those by which they change.
const READ: u32 = 0o044;
const WRITE: u32 = 0o022;

/// Looks at each file that there is, the configuration file among them.
pub(super) fn examine(settings: &StorageSettings, file: Option<&Path>) -> Vec<Check> {
    let mut known: Vec<(PathBuf, bool)> =
        FILES.iter().map(|(name, secret)| (settings.data_dir.join(name), *secret)).collect();
    if let DatabaseUrl::Sqlite(path) = &settings.database {
        let beside = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
        known.extend(["", "-wal", "-shm"].map(beside).into_iter().map(|path| (path, true)));
    }
    if let Some(file) = file {
        let secret = fs::read_to_string(file).is_ok_and(|text| holds_secrets(&text));
        known.push((file.to_owned(), secret));
    }
    known.sort();
    known.dedup_by(|one, other| one.0 == other.0);
    let mut looked_at = 0_usize;
    let mut checks: Vec<Check> = Vec::new();
    for (path, secret) in known {
        let Some(mode) = mode_of(&path) else { continue };
        looked_at += 1;
        checks.extend(judged(&path, mode, secret));
    }
    if checks.is_empty() {
        checks.push(Check::ok("modes of files", format!("{looked_at} files and folders are for this user alone")));
    }
    checks
}

/// A configuration may hold the password of a database, and what agents are given in their environment.
fn holds_secrets(text: &str) -> bool {
    let in_a_url = text.split("://").skip(1).any(|rest| {
        let host = rest.split(['/', '"', '\'', '\n']).next().unwrap_or_default();
        host.split_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    in_a_url || text.lines().any(|line| line.trim_start().starts_with("env"))
}

#[cfg(unix)]
fn mode_of(path: &Path) -> Option<(u32, bool)> {
    use std::os::unix::fs::PermissionsExt;
    let found = fs::metadata(path).ok()?;
    Some((found.permissions().mode() & 0o777, found.is_dir()))
}

#[cfg(not(unix))]
fn mode_of(_path: &Path) -> Option<(u32, bool)> {
    None
}

fn judged(path: &Path, (mode, is_folder): (u32, bool), secret: bool) -> Option<Check> {
    let others = match (mode & WRITE != 0, mode & READ != 0 || (is_folder && mode & 0o011 != 0)) {
        (true, true) => "read and change it",
        (true, false) => "change it",
        (false, true) if secret => "read it",
        (false, _) => return None,
    };
    let shown = path.display();
    let right = match (is_folder, secret) {
        (true, _) => "700",
        (false, true) => "600",
        (false, false) => "644",
    };
    let found = format!("{shown} has mode {mode:04o}: other users can {others}");
    Some(Check::failed("modes of files", found, format!("chmod {right} {shown}")))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use flightdeck_settings::{Flags, Settings};

    use super::*;
    use crate::doctor::report::State;

    fn settings(folder: &Path) -> StorageSettings {
        let flags = Flags::default().with("data_dir", folder.to_str().map(ToOwned::to_owned));
        let layers = Settings::load(&flags, &std::collections::BTreeMap::new()).expect("valid");
        StorageSettings::read(&layers).expect("valid")
    }

    #[test]
    fn each_file_that_others_can_get_at_is_named_with_what_mends_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        for (name, secret) in FILES {
            let path = folder.path().join(name);
            fs::write(&path, "x").expect("written");
            for (mode, fails) in [(0o600, false), (0o644, secret), (0o640, secret), (0o620, true), (0o666, true)] {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
                let checks = examine(&settings, None);
                let failed: Vec<_> = checks.iter().filter(|check| check.state == State::Failed).collect();
                assert_eq!(failed.len(), usize::from(fails), "{name} {mode:o} {checks:?}");
                if let Some(check) = failed.first() {
                    let right = if secret { "600" } else { "644" };
                    assert_eq!(check.advice, Some(format!("chmod {right} {}", path.display())));
                    assert!(check.found.contains(&format!("{mode:04o}")), "{check:?}");
                }
            }
            fs::remove_file(&path).expect("removed");
        }
    }

    #[test]
    fn folders_and_a_configuration_with_a_password_are_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        let logs = folder.path().join("agent-logs");
        fs::create_dir(&logs).expect("made");
        fs::set_permissions(&logs, fs::Permissions::from_mode(0o755)).expect("set");
        let told = examine(&settings, None);
        assert_eq!(told[0].advice, Some(format!("chmod 700 {}", logs.display())));
        fs::remove_dir(&logs).expect("removed");

        let file = folder.path().join("flightdeck.toml");
        for (text, state) in [
            ("listen = \"127.0.0.1:7600\"\n", State::Ok),
            ("database_url = \"postgres://me@db/flightdeck\"\n", State::Ok),
            ("database_url = \"postgres://me:hush@db/flightdeck\"\n", State::Failed),
            ("[agents.x]\nenv = { KEY = \"hush\" }\n", State::Failed),
        ] {
            fs::write(&file, text).expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
            let checks = examine(&settings, Some(&file));
            assert_eq!(checks[0].state, state, "{text} {checks:?}");
            assert!(!checks[0].found.contains("hush"));
        }
    }
}
