//! What a process costs, from /proc.

use std::fs;
use std::time::{Duration, Instant};

use crate::figures::Figures;
use crate::number::{float, ratio};
use crate::sse::number;

/// The unit of processor times in `/proc/<pid>/stat` on every Linux that Flightdeck runs on: 100 a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time that a process has used, in user and system mode; `None` when it cannot be read.
fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    cpu_in(&stat)
}

fn cpu_in(stat: &[u8]) -> Option<Duration> {
    // The name of the command may hold spaces and brackets: what follows its last bracket does not.
    let behind_name = stat.get(memchr::memrchr(b')', stat)? + 1..)?;
    let mut fields = behind_name.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).skip(11);
    let ticks = number(fields.next()?)? + number(fields.next()?)?;
    Some(TICK * u32::try_from(ticks).ok()?)
}

/// Memory of a process that is in RAM, in bytes; `None` when it cannot be read. What the kernel holds for its sockets is
/// not in it.
pub(crate) fn rss(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    rss_in(&status)
}

fn rss_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

/// Processor time that the whole machine has used; `None` when it cannot be read.
fn machine() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    machine_in(&stat)
}

fn machine_in(stat: &str) -> Option<Duration> {
    let fields: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).map_while(|text| text.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal: all but the fourth and fifth are work, or are lost to others.
    let busy: u64 =
        fields.iter().enumerate().filter(|(at, _)| matches!(at, 0..=2 | 5..=7)).map(|(_, ticks)| ticks).sum();
    (fields.len() >= 8).then(|| Duration::from_millis(10 * busy))
}

/// Measures what a stretch of work costs server and client.
#[derive(Debug)]
pub(crate) struct Meter {
    since: Instant,
    server: Option<u32>,
    server_before: Option<Duration>,
    client_before: Option<Duration>,
    machine_before: Option<Duration>,
}

/// What a stretch of work cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// `None` when the server's process is not known.
    server: Option<Duration>,
    client: Option<Duration>,
    machine: Option<Duration>,
}

impl Meter {
    pub(crate) fn start(server: Option<u32>) -> Self {
        let client_before = cpu(std::process::id());
        let server_before = server.and_then(cpu);
        Self { server, server_before, client_before, machine_before: machine(), since: Instant::now() }
    }

    pub(crate) fn stop(&self) -> Cost {
        let wall = self.since.elapsed();
        let used = |before: Option<Duration>, pid: Option<u32>| Some(cpu(pid?)?.saturating_sub(before?));
        Cost {
            wall,
            server: used(self.server_before, self.server),
            client: used(self.client_before, Some(std::process::id())),
            machine: machine().zip(self.machine_before).map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

impl Cost {
    /// Adds the processor seconds of both sides, and the server's for each piece of work.
    pub(crate) fn tell(&self, figures: &mut Figures, pieces: u64) {
        if let Some(server) = self.server {
            figures.add("server CPU", "s", server.as_secs_f64());
            figures.add("server cores busy", "", ratio(server.as_secs_f64(), self.wall.as_secs_f64()));
            if pieces > 0 {
                figures.add("server CPU per piece", "µs", ratio(server.as_secs_f64() * 1e6, float(pieces)));
            }
        }
        if let Some(client) = self.client {
            figures.add("client CPU", "s", client.as_secs_f64());
            figures.add("client cores busy", "", ratio(client.as_secs_f64(), self.wall.as_secs_f64()));
        }
        if let (Some(machine), Some(server), Some(client)) = (self.machine, self.server, self.client) {
            // What is busy here and belongs to neither spoils the other figures: databases aside, it should be near zero.
            let others = machine.saturating_sub(server + client).as_secs_f64();
            figures.add("cores busy with others", "", ratio(others, self.wall.as_secs_f64()));
        }
    }
}

/// Adds the memory that the server has in RAM now.
pub(crate) fn tell_rss(figures: &mut Figures, server: Option<u32>) {
    if let Some(bytes) = server.and_then(rss) {
        figures.add("server RSS", "MB", float(bytes) / 1e6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_the_name() {
        let stat = b"4242 (a (strange) name) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 3 0 99 1000 200\n";
        assert_eq!(cpu_in(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu_in(b"4242 (x) S 1 2"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(rss_in("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t3\n"), Some(2_097_152));
        assert_eq!(rss_in("Name:\tx\n"), None);
    }

    #[test]
    fn the_machine_is_busy_when_it_does_not_idle() {
        let stat = "cpu  100 20 30 9000 70 1 2 3 50 0\ncpu0 1 2 3\n";
        assert_eq!(machine_in(stat), Some(Duration::from_millis(1_560)));
        assert_eq!(machine_in("cpu 1 2 3"), None);
    }

    #[test]
    fn this_process_has_both() {
        assert!(cpu(std::process::id()).is_some());
        assert!(rss(std::process::id()).is_some_and(|bytes| bytes > 100_000));
        assert!(cpu(u32::MAX).is_none());
    }
}
