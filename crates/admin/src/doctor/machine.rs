//! The machine: the data folder, its disk, and the limits of the system.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use flightdeck_settings::ADMIN_KEY_FILE;
use flightdeck_storage::{LOCK_FILE, SPOOL_FILE, SPOOL_RESERVED, is_reserved};

use super::report::Check;

/// Less free space than this is soon none.
const LITTLE_SPACE: u64 = 1 << 30;
/// A commit waits for one of these.
const SLOW_WRITE: Duration = Duration::from_millis(50);
/// Each open stream is one.
const FEW_FILES: u64 = 4_096;

/// The data folder and what it lies on.
pub(super) fn folder(data_dir: &Path) -> Vec<Check> {
    let shown = data_dir.display();
    match fs::metadata(data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let advice = "name another with --data-dir, or start the server, which makes it";
            vec![Check::warning("data folder", format!("{shown} is not there"), advice)]
        }
        Err(error) => vec![Check::failed("data folder", format!("{shown}: {error}"), "let this user read it")],
        Ok(found) if !found.is_dir() => {
            vec![Check::failed("data folder", format!("{shown} is not a folder"), "name another with --data-dir")]
        }
        Ok(found) => {
            let mut checks = vec![mode(data_dir, &found)];
            checks.extend(admin_key(data_dir));
            checks.extend(spool(data_dir));
            checks.extend([space(data_dir), synced_write(data_dir), server(data_dir)]);
            checks
        }
    }
}

/// The bits of a mode that let others in; none where there are no modes.
fn open_to_others(found: &fs::Metadata) -> (u32, u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.permissions().mode() & 0o777;
        (mode, mode & 0o077)
    }
    #[cfg(not(unix))]
    {
        let _ = found;
        (0o700, 0)
    }
}

fn mode(data_dir: &Path, found: &fs::Metadata) -> Check {
    let shown = data_dir.display();
    match open_to_others(found) {
        (mode, 0) => Check::ok("data folder", format!("{shown}, mode {mode:04o}")),
        (mode, _) => Check::warning(
            "data folder",
            format!("{shown} has mode {mode:04o}: other users can look in"),
            format!("chmod 700 {shown}"),
        ),
    }
}

fn admin_key(data_dir: &Path) -> Option<Check> {
    let path = data_dir.join(ADMIN_KEY_FILE);
    let found = fs::metadata(&path).ok()?;
    Some(match open_to_others(&found) {
        (mode, 0) => Check::ok("admin key file", format!("mode {mode:04o}; delete it once you have other keys")),
        (mode, _) => Check::failed(
            "admin key file",
            format!("{} has mode {mode:04o}: other users may have read the key", path.display()),
            format!("chmod 600 {}, or better make another key and revoke this one", path.display()),
        ),
    })
}

/// Whether stops have a place on a full disk.
fn spool(data_dir: &Path) -> Option<Check> {
    let found = fs::metadata(data_dir.join(SPOOL_FILE)).ok()?;
    let name = "space for stops";
    Some(if !is_reserved(&found, SPOOL_RESERVED) {
        let advice = "make room and start the server again: it reserves the space when it starts";
        Check::warning(name, "not reserved; on a full disk stops are refused", advice)
    } else if copies_on_write(data_dir) {
        let advice = "keep the data folder on ext4 or xfs, or keep room free: here each write needs new room";
        Check::warning(name, "reserved, but this file system copies on write", advice)
    } else {
        Check::ok(name, format!("{} MiB are reserved", found.len() >> 20))
    })
}

/// btrfs, ZFS and bcachefs write every change to another place.
#[cfg(target_os = "linux")]
fn copies_on_write(folder: &Path) -> bool {
    const MAGIC: [u64; 3] = [0x9123_683e, 0x2fc1_2fc1, 0xca45_1a4e];
    let kind = rustix::fs::statfs(folder).ok().and_then(|found| u64::try_from(found.f_type).ok());
    kind.is_some_and(|kind| MAGIC.contains(&kind))
}

#[cfg(not(target_os = "linux"))]
fn copies_on_write(_folder: &Path) -> bool {
    false
}

fn space(data_dir: &Path) -> Check {
    match free(data_dir) {
        Err(error) => Check::warning("disk space", error.to_string(), "look at it yourself"),
        Ok(free) if free < LITTLE_SPACE => Check::warning(
            "disk space",
            format!("{} MiB are free", free >> 20),
            "make room: a full disk stops every write",
        ),
        Ok(free) => Check::ok("disk space", format!("{} MiB are free", free >> 20)),
    }
}

/// How many bytes this user can still write there.
#[cfg(unix)]
fn free(folder: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> io::Result<u64> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "cannot be found out on this system"))
}

/// Writes what a commit writes, as durably, into a file that is gone afterwards.
fn synced_write(data_dir: &Path) -> Check {
    let write = || {
        let mut file = tempfile::tempfile_in(data_dir)?;
        let mut best = Duration::MAX;
        // The first one also pays for the file's place on the disk.
        for _ in 0..3 {
            let began = Instant::now();
            file.write_all(&[0; 8_192])?;
            file.sync_data()?;
            best = best.min(began.elapsed());
        }
        io::Result::Ok(best)
    };
    match write() {
        Err(error) => Check::failed(
            "synced write",
            format!("cannot write into {}: {error}", data_dir.display()),
            "let this user write there, and make room",
        ),
        Ok(took) if took > SLOW_WRITE => {
            let advice = "each commit waits for one: use a local disk or SSD, not a network folder";
            Check::warning("synced write", format!("8 KiB take {took:.1?}"), advice)
        }
        Ok(took) => Check::ok("synced write", format!("8 KiB take {took:.1?}")),
    }
}

/// Whether a server runs on the folder. Looks at its lock without making one.
fn server(data_dir: &Path) -> Check {
    let Ok(file) = File::open(data_dir.join(LOCK_FILE)) else {
        return Check::ok("server", "none has run on this folder");
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Check::ok("server", "one is running on this folder"),
        _ => Check::ok("server", "none is running on this folder"),
    }
}

/// How many files a server may open: it raises its own limit as far as the system lets it.
pub(super) fn open_files() -> Check {
    match rlimit::Resource::NOFILE.get() {
        Err(error) => Check::warning("open files", error.to_string(), "look at `ulimit -Hn` yourself"),
        Ok((_, most)) if most < FEW_FILES => Check::warning(
            "open files",
            format!("at most {most}, and each open stream is one"),
            "raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn)",
        ),
        Ok((_, most)) => Check::ok("open files", format!("at most {most}")),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::doctor::report::State;

    fn state_of(checks: &[Check], name: &str) -> State {
        checks.iter().find(|check| check.name == name).expect("it was looked at").state
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_and_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        assert_eq!(state_of(&super::folder(&path), "data folder"), State::Warning);
        assert!(!path.exists());
        fs::write(&path, "a file").expect("written");
        assert_eq!(state_of(&super::folder(&path), "data folder"), State::Failed);
    }

    #[test]
    fn modes_that_let_others_in_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("admin.key");
        fs::write(&key, "secret").expect("written");
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        for (mode, of_folder, of_key) in [
            (0o600, State::Ok, State::Ok),
            (0o644, State::Warning, State::Failed),
            (0o610, State::Warning, State::Failed),
        ] {
            set(&key, mode);
            set(folder.path(), mode | 0o100);
            let checks = super::folder(folder.path());
            assert_eq!((state_of(&checks, "data folder"), state_of(&checks, "admin key file")), (of_folder, of_key));
            assert!(checks.iter().all(|check| !check.found.contains("secret")));
        }
        let left: Vec<_> = fs::read_dir(folder.path()).expect("read").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_running_server_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(server(folder.path()).found, "none has run on this folder");
        let lock = File::create(folder.path().join(LOCK_FILE)).expect("made");
        lock.lock().expect("locked");
        assert_eq!(server(folder.path()).found, "one is running on this folder");
        drop(lock);
        assert_eq!(server(folder.path()).found, "none is running on this folder");
    }
}
