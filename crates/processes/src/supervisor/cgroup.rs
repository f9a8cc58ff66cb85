//! A cgroup of its own for a program, where cgroup v2 is writable. Whatever does not work here is done without it.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::time::{Duration, Instant};

const FREEZE_TIME: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(5);

/// A cgroup that this supervisor made.
pub(super) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes one below that of this process; `None` where that cannot be done.
    pub(super) fn make(name: &str, memory_bytes: Option<u64>) -> Option<Self> {
        let (mounts, cgroups) =
            (fs::read_to_string("/proc/self/mounts").ok()?, fs::read_to_string("/proc/self/cgroup").ok()?);
        let (mount, own) = (mount(&mounts)?, own(&cgroups)?);
        let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let path = Path::new(mount).join(own).join(format!("flightdeck-{plain}-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let cgroup = Self { path };
        // Both are of kernels that are new enough; without them the cgroup is of no use.
        let of_use = ["cgroup.procs", "cgroup.kill", "cgroup.freeze"];
        if !of_use.iter().all(|file| cgroup.writable(file)) {
            cgroup.remove();
            return None;
        }
        if let Some(bytes) = memory_bytes {
            // Only there when the parent hands the memory controller on; the watch sees to the limit as well.
            let _ = cgroup.write("memory.max", &bytes.to_string());
            let _ = cgroup.write("memory.swap.max", "0");
        }
        Some(cgroup)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn kill(&self) {
        let _ = self.write("cgroup.kill", "1");
    }

    /// Comes back when everything in it stands still.
    pub(super) async fn freeze(&self) -> Result<(), String> {
        self.write("cgroup.freeze", "1").map_err(|error| format!("cgroup.freeze: {error}"))?;
        let until = Instant::now() + FREEZE_TIME;
        loop {
            let events = fs::read_to_string(self.path.join("cgroup.events"));
            let events = events.map_err(|error| format!("cgroup.events: {error}"))?;
            if events.lines().any(|line| line == "frozen 1") {
                return Ok(());
            }
            if Instant::now() >= until {
                self.thaw();
                return Err("the cgroup was not frozen in time".to_owned());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn thaw(&self) {
        let _ = self.write("cgroup.freeze", "0");
    }

    /// Once nothing is in it.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir(&self.path);
    }

    fn writable(&self, file: &str) -> bool {
        fs::OpenOptions::new().write(true).open(self.path.join(file)).is_ok()
    }

    fn write(&self, file: &str, value: &str) -> std::io::Result<()> {
        fs::write(self.path.join(file), value)
    }
}

/// Where cgroup v2 is mounted.
fn mount(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then_some(place)
    })
}

/// The cgroup of this process, from the mount on.
fn own(cgroups: &str) -> Option<&str> {
    cgroups.lines().find_map(|line| Some(line.strip_prefix("0::")?.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_is_found_also_beside_the_first() {
        let mounts = "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        assert_eq!(mount(mounts), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount("proc /proc proc rw 0 0\n"), None);
        assert_eq!(own("4:memory:/a\n0::/user.slice/b\n"), Some("user.slice/b"));
        assert_eq!(own("4:memory:/a\n"), None);
    }
}
