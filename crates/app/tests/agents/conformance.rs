//! `flightdeck conformance`, of agents that speak the protocol and do no work.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const ROBOT: &str = include_str!("robot.py");

/// `flightdeck conformance` of a robot with this manner, in a folder of its own.
fn conformance(folder: &Path, manner: &str) -> Command {
    std::fs::write(folder.join("robot.py"), ROBOT).expect("written");
    let cwd = folder.display();
    let table =
        format!("[agents.robot]\ncommand = \"python3\"\nargs = [\"robot.py\", \"{manner}\"]\ncwd = \"{cwd}\"\n");
    std::fs::write(folder.join("flightdeck.toml"), table).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command
        .args(["conformance", "--agent", "robot", "--json", "--say", "hello", "--busy", "busy"])
        .args(["--tool", "run printf 'p%sg' on", "--output", "pong", "--write", "run touch '{file}'"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// What was seen by each check, and the note.
fn rows(folder: &Path, manner: &str) -> BTreeMap<String, (String, String)> {
    let output = conformance(folder, manner).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("an object a line"));
    let word = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    rows.map(|row| (word(&row, "check"), (word(&row, "seen"), word(&row, "note")))).collect()
}

#[test]
fn an_agent_that_obeys_is_seen_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = rows(folder.path(), "obeys");
    assert_eq!(rows.len(), 17, "{rows:?}");
    let not_seen: Vec<_> = rows.iter().filter(|(_, (seen, _))| seen != "yes").collect();
    let checks: Vec<&str> = not_seen.iter().map(|(check, _)| check.as_str()).collect();
    assert_eq!(checks, ["another model while idle", "inject steer while busy"], "{not_seen:?}");
    assert_eq!(rows["tool and permission"].1, "asked once, and went on when it was allowed");
    assert_eq!(rows["another model while idle"], ("no".to_owned(), "it lets nobody choose its model".to_owned()));
    assert_eq!(rows["another mode while idle"].1, "it took plan, of ask, plan");
    assert_eq!(rows["command output in the transcript"].1, "pong");
    assert!(rows["rejected call is closed"].1.contains("rejected"), "{rows:?}");
    assert_eq!(rows["tokens counted"].1, "input 70, cache 30 and 0, output 4, no cost");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("listed").collect();
    assert_eq!(left.len(), 2, "only the robot and its table: {left:?}");
}

#[test]
fn a_refusal_is_not_taken_for_a_tool_that_ran() {
    let folder = tempfile::tempdir().expect("a folder");
    let declined = rows(folder.path(), "declines");
    let (seen, note) = &declined["tool and permission"];
    assert_eq!((seen.as_str(), note.as_str()), ("failed", "it used no tool (refusal), and said: I will not do that."));
    let blocked = rows(folder.path(), "blocks");
    let (seen, note) = &blocked["tool and permission"];
    assert_eq!((seen.as_str(), note.as_str()), ("failed", "its tool did not run: Blocked"));
    let (seen, _) = &blocked["held call, killed: no trace"];
    assert_eq!(seen, "failed", "what writes nothing when it may tells nothing by writing nothing");
}

#[test]
fn a_row_is_printed_when_it_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = conformance(folder.path(), "waits").spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || lines.next().expect("a row").expect("a line");
    for known in ["prompt", "pause and resume", "resume an earlier session", "another model", "another mode"] {
        assert!(next().contains(known));
    }
    // No command of it ends before the file is there.
    std::fs::write(folder.path().join("go"), "").expect("written");
    assert!(next().contains("tool and permission"));
    child.kill().expect("ended");
    child.wait().expect("ended");
}
