//! The last step before a program: what it is to be subject to is set up in its own process, which then becomes it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::STAGE;

/// What precedes the program's own name and arguments: the pid of the supervisor, and the cgroup to join or nothing.
pub(super) fn arguments(supervisor: u32, cgroup: Option<&Path>) -> [OsString; 3] {
    let cgroup = cgroup.map_or_else(OsString::new, |path| path.as_os_str().to_owned());
    [STAGE.into(), supervisor.to_string().into(), cgroup]
}

/// Becomes the program; comes back only when that failed.
pub(super) fn enter(arguments: &[OsString]) -> io::Error {
    let [supervisor, cgroup, program, args @ ..] = arguments else {
        return io::Error::other("there is nothing to start");
    };
    if let Err(error) = submit(supervisor, cgroup) {
        return error;
    }
    let error = Command::new(program).args(args).exec();
    io::Error::new(error.kind(), format!("{}: {error}", Path::new(program).display()))
}

fn submit(supervisor: &OsString, cgroup: &OsString) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have died before the signal was asked for.
        let parent = getppid().map(|pid| pid.as_raw_nonzero().to_string());
        if parent.as_deref().is_none_or(|parent| supervisor != parent) {
            return Err(io::Error::other("the supervisor is gone"));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = supervisor;
    if !cgroup.is_empty() {
        std::fs::write(Path::new(cgroup).join("cgroup.procs"), "0")?;
    }
    // A session of its own is a process group of its own, and has no terminal.
    rustix::process::setsid()?;
    Ok(())
}
