//! Programs whose supervisor is gone are found by a mark in their environment.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::supervisor::SUPERVISE;
use crate::tree::{self, Seen};

/// The variable of the mark: `<owner>#<name>`.
pub(crate) const MARK: &str = "FLIGHTDECK_PROCESS";

/// A supervisor that has lost its launcher ends what it supervises by itself; it is given so long.
const SUPERVISORS_TIME: Duration = Duration::from_secs(5);
/// After so long nothing more is tried: a process that cannot even be killed hangs in the kernel.
const GIVE_UP: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(20);

/// Whose programs they are: the data folder of a server, say. No two owners that run on a machine at a time have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner(String);

/// What was found of an owner's programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The names of the programs of which something was still alive.
    pub names: BTreeSet<String>,
    /// Whether nothing is left of them.
    pub clean: bool,
}

impl Owner {
    /// Names an owner. Characters that cannot stand in a mark are replaced.
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(name.as_ref().replace(|c: char| c == '#' || c.is_control(), "_"))
    }

    pub(crate) fn mark(&self, name: &str) -> String {
        format!("{}#{name}", self.0)
    }

    /// Finds everything that an earlier run of this owner has left behind, ends it, and comes back when nothing of it is
    /// there any more, or after fifteen seconds. Supervisors that are still at it are given five of them.
    ///
    /// It blocks, and it ends running programs of this owner too: call it before the first is launched.
    #[must_use]
    pub fn sweep(&self) -> Swept {
        end_marked(&format!("{MARK}={}#", self.0), SUPERVISORS_TIME)
    }
}

/// Ends what is left of one program whose supervisor died. Blocks.
pub(crate) fn end_program(owner: &Owner, name: &str) -> Swept {
    end_marked(&format!("{MARK}={}\0", owner.mark(name)), Duration::ZERO)
}

fn end_marked(mark: &str, supervisors_time: Duration) -> Swept {
    let begun = Instant::now();
    let mut swept = Swept::default();
    loop {
        let all = tree::snapshot();
        let found: Vec<(Seen, Marked)> =
            all.iter().filter(|seen| !seen.is_dead()).filter_map(|seen| Some((*seen, marked(*seen, mark)?))).collect();
        if found.is_empty() {
            swept.clean = true;
            return swept;
        }
        if begun.elapsed() > GIVE_UP {
            return swept;
        }
        swept.names.extend(found.iter().map(|(_, marked)| marked.name.clone()));
        // While its supervisor works at it a program is in good hands, and all that it has started is too.
        let patient = begun.elapsed() < supervisors_time;
        let supervised: Vec<Pid> = found.iter().filter(|(_, m)| patient && m.supervises).map(|(s, _)| s.pid).collect();
        let in_good_hands: BTreeSet<i32> = supervised
            .iter()
            .copied()
            .chain(tree::below(&supervised, &all).iter().map(|seen| seen.pid))
            .map(|pid| pid.as_raw_nonzero().get())
            .collect();
        let tops: Vec<Pid> = found.iter().map(|(seen, _)| seen.pid).collect();
        let below = tree::below(&tops, &all);
        for seen in found.iter().map(|(seen, _)| seen).chain(&below) {
            if !in_good_hands.contains(&seen.pid.as_raw_nonzero().get()) {
                seen.signal(Signal::KILL);
            }
        }
        std::thread::sleep(LOOK);
    }
}

struct Marked {
    name: String,
    supervises: bool,
}

/// Reads the mark of a process; `None` when it bears another or none, or is not ours to look at.
fn marked(seen: Seen, mark: &str) -> Option<Marked> {
    let pid = seen.pid.as_raw_nonzero();
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let name = name_of(&environment, mark)?;
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let supervises = arguments.split(|byte| *byte == 0).nth(1) == Some(SUPERVISE.as_bytes());
    Some(Marked { name, supervises })
}

fn name_of(environment: &[u8], mark: &str) -> Option<String> {
    let variables = environment.split_inclusive(|byte| *byte == 0);
    let found = variables.into_iter().find(|variable| variable.starts_with(mark.as_bytes()))?;
    let name = found.split(|byte| *byte == b'#').next_back()?;
    Some(String::from_utf8_lossy(name).trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_owner_and_of_one_name() {
        let owner = Owner::new("/data/a#b");
        let environment = format!("HOME=/\0{MARK}={}\0PATH=/bin\0", owner.mark("one"));
        let of = |mark: &str| name_of(environment.as_bytes(), mark);
        assert_eq!(of(&format!("{MARK}=/data/a_b#")), Some("one".to_owned()));
        assert_eq!(of(&format!("{MARK}=/data/a#")), None, "another owner");
        assert_eq!(of(&format!("{MARK}=/data/a_b#one\0")), Some("one".to_owned()));
        assert_eq!(of(&format!("{MARK}=/data/a_b#on\0")), None, "another program");
    }
}
