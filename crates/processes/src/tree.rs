//! The processes of this machine, as `/proc` tells of them.

use std::collections::{BTreeMap, BTreeSet};

use rustix::process::{Pid, Signal};

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) pid: Pid,
    parent: i32,
    state: char,
    /// Clock ticks after boot at which it started: with the pid it names a process for good.
    started: u64,
    /// Clock ticks of processor time.
    ticks: u64,
    /// The same of the children that it has waited for.
    ticks_of_children: u64,
    pages: u64,
}

impl Seen {
    fn read(pid: Pid) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        Self::parse(pid, &stat)
    }

    fn parse(pid: Pid, stat: &str) -> Option<Self> {
        // The name may hold anything, also blanks and brackets; whatever follows it holds none.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        // The third field of proc(5) is the first after the name.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            state: fields.first()?.chars().next()?,
            started: number(22)?,
            ticks: number(14)? + number(15)?,
            ticks_of_children: number(16)? + number(17)?,
            pages: number(24)?,
        })
    }

    /// Whether it is dead and only waits to be waited for.
    pub(crate) const fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Whether it stands still.
    pub(crate) const fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't') || self.is_dead()
    }

    /// Sends a signal to this process and to no other that has got its pid meanwhile.
    pub(crate) fn signal(&self, signal: Signal) {
        #[cfg(target_os = "linux")]
        {
            use rustix::io::Errno;
            use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
            match pidfd_open(self.pid, PidfdFlags::empty()) {
                Ok(pidfd) => {
                    if Self::read(self.pid).is_some_and(|now| now.started == self.started) {
                        let _ = pidfd_send_signal(pidfd, signal);
                    }
                    return;
                }
                Err(Errno::NOSYS) => {}
                Err(_gone) => return,
            }
        }
        let _ = rustix::process::kill_process(self.pid, signal);
    }
}

/// Every process that can be seen; empty where there is no `/proc`.
pub(crate) fn snapshot() -> Vec<Seen> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Seen::read(Pid::from_raw(pid)?)).collect()
}

/// Those of them that descend from one of these, without these themselves.
pub(crate) fn below(tops: &[Pid], all: &[Seen]) -> Vec<Seen> {
    let mut children: BTreeMap<i32, Vec<Seen>> = BTreeMap::new();
    for seen in all {
        children.entry(seen.parent).or_default().push(*seen);
    }
    let mut next: Vec<i32> = tops.iter().map(|pid| pid.as_raw_nonzero().get()).collect();
    let mut known: BTreeSet<i32> = next.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(parent) = next.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            let pid = child.pid.as_raw_nonzero().get();
            // Pids that are taken again while we look could otherwise make a circle.
            if known.insert(pid) {
                next.push(pid);
                found.push(*child);
            }
        }
    }
    found
}

/// What a process and all below it have used and use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) cpu_ticks: u64,
    pub(crate) pages: u64,
}

/// What everything below this process has used; what it has waited for included.
pub(crate) fn usage_below(top: Pid) -> Usage {
    let all = snapshot();
    let reaped = all.iter().find(|seen| seen.pid == top).map_or(0, |seen| seen.ticks_of_children);
    let start = Usage { cpu_ticks: reaped, pages: 0 };
    below(&[top], &all).iter().fold(start, |sum, seen| Usage {
        cpu_ticks: sum.cpu_ticks + seen.ticks + seen.ticks_of_children,
        pages: sum.pages + seen.pages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(raw).expect("not zero")
    }

    fn stat(name: &str, parent: i32) -> String {
        format!(
            "7 ({name}) S {parent} 7 7 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5000 1000000 321 18446744073709551615"
        )
    }

    #[test]
    fn a_name_of_brackets_and_blanks_confuses_nobody() {
        for name in ["sh", "a b", ") R 1 (", "((("] {
            let seen = Seen::parse(pid(7), &stat(name, 3)).expect("read");
            assert_eq!((seen.parent, seen.state, seen.started), (3, 'S', 5000), "{name}");
            assert_eq!((seen.ticks, seen.ticks_of_children, seen.pages), (33, 77, 321), "{name}");
        }
        assert_eq!(Seen::parse(pid(7), "7 (sh) S 3"), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_strangers_are_not() {
        let process =
            |own: i32, parent: i32| Seen { pid: pid(own), ..Seen::parse(pid(own), &stat("x", parent)).expect("read") };
        let all = [process(2, 1), process(3, 2), process(4, 3), process(9, 1), process(10, 9)];
        let mut found: Vec<i32> = below(&[pid(2)], &all).iter().map(|seen| seen.pid.as_raw_nonzero().get()).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4]);
    }

    #[test]
    fn a_circle_of_pids_that_were_taken_again_ends() {
        let process =
            |own: i32, parent: i32| Seen { pid: pid(own), ..Seen::parse(pid(own), &stat("x", parent)).expect("read") };
        assert_eq!(below(&[pid(2)], &[process(3, 4), process(4, 3), process(3, 2)]).len(), 2);
    }
}
