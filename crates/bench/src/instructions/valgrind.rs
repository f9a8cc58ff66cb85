//! A server under valgrind, which counts the instructions that it executes.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::error::{BenchError, Outcome};
use crate::server::{Launcher, Server, data_folder, installed};
use crate::sse;

/// Where servers that are counted come from.
pub(super) struct Valgrind {
    program: PathBuf,
    taskset: PathBuf,
    core: u64,
    binary: PathBuf,
    folder: PathBuf,
    settings: Vec<String>,
}

/// A server that is counted.
pub(super) struct Counting {
    pub(super) server: Server,
    out: PathBuf,
    _folder: TempDir,
}

impl Valgrind {
    /// # Errors
    /// There is no valgrind or no taskset on this machine.
    pub(super) fn new(binary: PathBuf, folder: PathBuf, settings: Vec<String>) -> Outcome<Self> {
        let find = |program: &str| {
            let missing = || BenchError::Usage(format!("{program} is not installed; instructions are counted with it"));
            installed(program).ok_or_else(missing)
        };
        let status = std::fs::read_to_string("/proc/self/status").map_err(BenchError::system("cannot read /proc"))?;
        let unknown = || BenchError::Usage("the system does not tell on which cores this may run".to_owned());
        let core = first_core(&status).ok_or_else(unknown)?;
        Ok(Self { program: find("valgrind")?, taskset: find("taskset")?, core, binary, folder, settings })
    }

    /// Starts a server on a data folder of its own.
    pub(super) fn start(&self) -> Outcome<Counting> {
        let folder = data_folder(&self.folder)?;
        let out = folder.path().join("counted");
        let wrapper = vec![
            // On one core the server has one thread for its tasks, and they take turns in an order that repeats.
            self.taskset.display().to_string(),
            "--cpu-list".to_owned(),
            self.core.to_string(),
            self.program.display().to_string(),
            "--tool=callgrind".to_owned(),
            format!("--callgrind-out-file={}", out.display()),
            "--fair-sched=try".to_owned(),
            "--quiet".to_owned(),
            self.binary.display().to_string(),
        ];
        let launcher = Launcher::Wrapped { wrapper, folder: self.folder.clone(), settings: self.settings.clone() };
        Ok(Counting { server: launcher.start()?, out, _folder: folder })
    }
}

impl Counting {
    /// Stops the server; gives how many instructions it executed.
    ///
    /// # Errors
    /// It ended with a fault, or nothing was counted.
    pub(super) fn stop(self) -> Outcome<u64> {
        self.server.stop()?;
        let text = std::fs::read_to_string(&self.out).map_err(BenchError::system("cannot read what was counted"))?;
        total(&text).ok_or_else(|| BenchError::Protocol("valgrind has counted nothing".to_owned()))
    }
}

/// The first core that a process may run on.
fn first_core(status: &str) -> Option<u64> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    sse::number(list.trim().split([',', '-']).next()?.as_bytes())
}

/// The sum at the end of callgrind's file.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals:"))?;
    sse::number(line.trim().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_core_is_read() {
        let status = |list: &str| format!("Cpus_allowed:\t3\nCpus_allowed_list:\t{list}\nMems_allowed:\t1\n");
        for (list, first) in [("0-1", Some(0)), ("7", Some(7)), ("2,5-6", Some(2)), ("", None)] {
            assert_eq!(first_core(&status(list)), first, "{list:?}");
        }
    }

    #[test]
    fn the_total_is_read() {
        assert_eq!(total("summary: 5\nfn=x\n1 5\n\ntotals: 1234567\n"), Some(1_234_567));
        assert_eq!(total("summary: 5\n"), None);
    }
}
