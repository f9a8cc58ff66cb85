//! What the tests share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flightdeck_agent_io::scrub::Scrubber;
use flightdeck_processes::{Launch, Launched, Launcher, Limits, Owner, Supervisor};
use tokio::io::{AsyncBufReadExt, BufReader};

pub(crate) fn launcher() -> Launcher {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_flightdeck-supervise"));
    Launcher::new(Supervisor { binary }).expect("a thread")
}

/// A folder is whose programs they are, so that no two tests see each other's.
pub(crate) fn owner(folder: &Path) -> Owner {
    Owner::new(folder.to_string_lossy())
}

pub(crate) fn shell(folder: &Path, script: &str) -> Launch {
    let path = std::env::var("PATH").expect("a path");
    Launch {
        scrubber: Scrubber::default(),
        program: "sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        cwd: folder.to_owned(),
        env: BTreeMap::from([("PATH".to_owned(), path)]),
        limits: Limits::default(),
        cgroup: true,
        owner: owner(folder),
        name: "one".to_owned(),
        log: None,
    }
}

/// Launches it and reads its first line.
pub(crate) async fn up(launcher: &Launcher, launch: Launch) -> (Launched, String) {
    let mut program = launcher.launch(launch).await.expect("launched");
    let mut line = String::new();
    BufReader::new(&mut program.output).read_line(&mut line).await.expect("read");
    (program, line.trim_end().to_owned())
}

/// The pids of all that bear a mark of this folder, and are no zombies.
pub(crate) fn marked(folder: &Path) -> Vec<u32> {
    let mark = format!("FLIGHTDECK_PROCESS={}#", folder.display());
    let entries = std::fs::read_dir("/proc").expect("listed").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let bears = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
    };
    pids.filter(bears).collect()
}

/// Clock ticks of processor time that a process has used.
pub(crate) fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_ascii_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

/// A number from the environment: more rounds, or longer ones, on demand.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
}
