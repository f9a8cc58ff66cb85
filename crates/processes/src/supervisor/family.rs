//! The program and everything that descends from it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid};
use tokio::time::{Duration, Instant};

use super::cgroup::Cgroup;
use super::stage;
use crate::descriptors::Stdio;
use crate::process::Exit;
use crate::tree::{self, Seen};
use crate::wire::Start;

/// Stopping is done when nobody is seen running twice; a family that forks faster than that is not stopped.
const STOP_TIME: Duration = Duration::from_secs(3);
const STOP_LOOK: Duration = Duration::from_millis(2);

pub(super) struct Family {
    main: Pid,
    main_ended: bool,
    /// The kernel has said that there are no children.
    childless: bool,
    cgroup: Option<Cgroup>,
    frozen: bool,
}

impl Family {
    /// Starts the program. The error is a sentence.
    pub(super) fn start(start: &Start, stdio: Stdio) -> Result<Self, String> {
        let path = start.env.get("PATH").map(String::as_str).unwrap_or_default();
        find(&start.program, &start.cwd, path)?;
        let cgroup = if start.cgroup { Cgroup::make(&start.name, start.limits.memory_bytes) } else { None };
        let binary = std::env::current_exe().map_err(|error| format!("cannot find this binary again: {error}"))?;
        let started = Command::new(binary)
            .args(stage::arguments(std::process::id(), cgroup.as_ref().map(Cgroup::path)))
            .arg(&start.program)
            .args(&start.args)
            .current_dir(&start.cwd)
            .env_clear()
            .envs(&start.env)
            .stdin(stdio.input)
            .stdout(stdio.output)
            .stderr(stdio.error)
            .spawn();
        let main = started.map_err(|error| format!("cannot start in {}: {error}", start.cwd.display()));
        let main = main.and_then(|child| {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            pid.ok_or_else(|| "the program has no pid".to_owned())
        });
        match main {
            Ok(main) => Ok(Self { main, main_ended: false, childless: false, cgroup, frozen: false }),
            Err(problem) => {
                if let Some(cgroup) = &cgroup {
                    cgroup.remove();
                }
                Err(problem)
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.main.as_raw_nonzero().get().unsigned_abs()
    }

    /// Takes in who has ended; gives back how the program itself did, once.
    pub(super) fn reap(&mut self) -> Option<Exit> {
        let mut ended = None;
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid == self.main {
                        self.main_ended = true;
                        ended = Some(told(ExitStatus::from_raw(status.as_raw())));
                    }
                }
                Err(Errno::INTR) => {}
                Ok(None) => return ended,
                // Everybody who is orphaned below a subreaper is its child: who has none has no descendants.
                Err(_no_children) => {
                    self.childless = true;
                    return ended;
                }
            }
        }
    }

    pub(super) const fn is_gone(&self) -> bool {
        self.childless
    }

    pub(super) fn forget(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }

    fn alive() -> Vec<Seen> {
        let mut found = tree::below(&[getpid()], &tree::snapshot());
        found.retain(|seen| !seen.is_dead());
        found
    }

    fn signal(&self, signal: Signal) {
        for seen in Self::alive() {
            seen.signal(signal);
        }
        // Where nobody can be seen there is the group.
        if cfg!(not(target_os = "linux")) {
            let _ = rustix::process::kill_process_group(self.main, signal);
        }
    }

    /// Kills the program alone.
    pub(super) fn crash(&self) {
        // Until it is reaped, which happens here alone, its pid is its own.
        if !self.main_ended {
            let _ = rustix::process::kill_process(self.main, Signal::KILL);
        }
    }

    fn kill(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        self.signal(Signal::KILL);
    }

    /// Comes back when everybody stands still.
    pub(super) async fn freeze(&mut self) -> Result<(), String> {
        if self.main_ended {
            return Err("the program has ended".to_owned());
        }
        self.frozen = true;
        let done = match &self.cgroup {
            Some(cgroup) => cgroup.freeze().await,
            None => self.stop().await,
        };
        if done.is_err() {
            self.thaw();
        }
        done
    }

    async fn stop(&self) -> Result<(), String> {
        let until = Instant::now() + STOP_TIME;
        let mut still = 0;
        while still < 2 {
            let running: Vec<Seen> = Self::alive().into_iter().filter(|seen| !seen.is_stopped()).collect();
            still = if running.is_empty() { still + 1 } else { 0 };
            for seen in &running {
                seen.signal(Signal::STOP);
            }
            if cfg!(not(target_os = "linux")) {
                let _ = rustix::process::kill_process_group(self.main, Signal::STOP);
            }
            if Instant::now() >= until {
                return Err("it did not stand still in time".to_owned());
            }
            tokio::time::sleep(STOP_LOOK).await;
        }
        Ok(())
    }

    pub(super) fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            match &self.cgroup {
                Some(cgroup) => cgroup.thaw(),
                None => self.signal(Signal::CONT),
            }
        }
    }
}

/// How a family comes to its end: everybody is asked, and after a deadline nobody is asked any more.
pub(super) struct Ending {
    kill_at: Instant,
}

impl Ending {
    /// Asks everybody to end, and sets the deadline or makes it an earlier one.
    pub(super) fn hasten(ending: &mut Option<Self>, family: &mut Family, grace: Duration) {
        let kill_at = Instant::now() + grace;
        if let Some(ending) = ending {
            ending.kill_at = ending.kill_at.min(kill_at);
            return;
        }
        if !grace.is_zero() {
            family.signal(Signal::TERM);
            // One who stands still cannot hear it.
            family.thaw();
        }
        *ending = Some(Self { kill_at });
    }

    /// Does what is due, and says when to come back should nothing happen before.
    pub(super) fn press(&mut self, family: &mut Family, hunt: Duration) -> Instant {
        if Instant::now() < self.kill_at {
            return self.kill_at;
        }
        family.kill();
        Instant::now() + hunt
    }
}

fn told(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

/// Looks for the program as it will be looked for, so that a mistake is told at once and not by an exit code.
fn find(program: &str, cwd: &std::path::Path, path: &str) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    if !cwd.is_dir() {
        return Err(format!("there is no folder {}", cwd.display()));
    }
    let runs = |file: &std::path::Path| {
        file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let found = if program.contains('/') {
        runs(&cwd.join(program))
    } else {
        std::env::split_paths(path).any(|folder| runs(&cwd.join(folder).join(program)))
    };
    if found {
        Ok(())
    } else if program.contains('/') {
        Err(format!("there is no program {program} that can be run"))
    } else {
        Err(format!("there is no program {program} along the PATH {path:?}"))
    }
}
