//! Programs are launched, obey and end.
#![cfg(target_os = "linux")]
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and print what they measure"
)]

mod support;

use std::time::{Duration, Instant};

use flightdeck_processes::{Exit, FreezeError, Launch, LaunchError, Limit, Limits, LogFile, Process};
use support::{launcher, marked, owner, setting, shell, ticks, up};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECOND: Duration = Duration::from_secs(1);
const NOBODY: [u32; 0] = [];

#[tokio::test]
async fn a_program_gets_what_it_was_given_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = LogFile::new(folder.path().join("one.log"), 10_000);
    let mut launch =
        shell(folder.path(), "read word; echo \"$word $(pwd) $0\"; env >&2; ls -l /proc/self/fd >&2; exit 7");
    launch.args.push("an argument".to_owned());
    launch.env.insert("GIVEN".to_owned(), "yes".to_owned());
    launch.log = Some(log.clone());
    let mut launched = launcher().launch(launch).await.expect("launched");
    launched.input.write_all(b"hello\n").await.expect("written");
    let mut said = String::new();
    launched.output.read_to_string(&mut said).await.expect("read");
    assert_eq!(said, format!("hello {} an argument\n", folder.path().display()));
    let ended = launched.process.ended().await;
    assert_eq!((ended.exit, ended.limit, ended.clean), (Exit::Code(7), None, true));
    let errors = log.tail(10_000).expect("read").expect("kept").text;
    let variables = errors.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    // The shell adds some of its own.
    let own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let mut given: Vec<&str> = variables.filter(|name| !own.contains(name)).collect();
    given.sort_unstable();
    assert_eq!(given, ["FLIGHTDECK_PROCESS", "GIVEN", "PATH"]);
    assert!(!errors.contains("socket:"), "no way to its supervisor is open to it: {errors}");
}

#[tokio::test]
async fn what_cannot_be_started_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = async |launch: Launch| match launcher().launch(launch).await {
        Err(LaunchError::Program(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let missing = told(Launch { program: "no-such-program".into(), ..shell(folder.path(), "") }).await;
    assert!(missing.starts_with("there is no program no-such-program along the PATH"), "{missing}");
    let missing = told(Launch { program: "./x".into(), ..shell(folder.path(), "") }).await;
    assert_eq!(missing, "there is no program ./x that can be run");
    let nowhere = told(Launch { cwd: "/nowhere".into(), ..shell(folder.path(), "") }).await;
    assert_eq!(nowhere, "there is no folder /nowhere");
    assert_eq!(marked(folder.path()), NOBODY);
}

/// Ignores TERM, and has so many children that nobody waits for, each in a session of its own.
const STUBBORN: &str = "trap '' TERM; n=0; while [ $n -lt $CHILDREN ]; do (setsid sleep 1000 &); n=$((n+1)); done; \
                        echo ready; while :; do sleep 1000; done";

async fn stubborn(launch: Launch, children: usize) -> Process {
    let folder = launch.cwd.clone();
    let mut launch = launch;
    launch.env.insert("CHILDREN".to_owned(), children.to_string());
    let (launched, line) = up(&launcher(), launch).await;
    assert_eq!(line, "ready");
    // The last of them may still be on their way; then all are there, and its supervisor too.
    let began = Instant::now();
    while marked(&folder).len() < children + 2 {
        assert!(began.elapsed() < PATIENCE, "{} of {children}", marked(&folder).len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    launched.process
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_program_that_ignores_term_and_has_two_hundred_children() {
    let rounds = setting("FLIGHTDECK_TEST_KILL_ROUNDS", 2);
    let grace = Duration::from_millis(300);
    for cgroup in [false, true] {
        let mut late = Vec::new();
        for _ in 0..rounds {
            let folder = tempfile::tempdir().expect("a folder");
            let process = stubborn(Launch { cgroup, ..shell(folder.path(), STUBBORN) }, 200).await;
            let asked = Instant::now();
            let ended = process.terminate(grace).await;
            late.push(asked.elapsed().saturating_sub(grace));
            assert_eq!((ended.exit, ended.clean), (Exit::Signal(9), true));
            assert_eq!(marked(folder.path()), NOBODY);
        }
        late.sort_unstable();
        let p99 = late[(late.len() * 99).div_ceil(100) - 1];
        println!(
            "cgroup {cgroup}: {rounds} kills of 200 children, p99 {p99:?}, slowest {:?} after the deadline",
            late[late.len() - 1]
        );
    }
}

#[tokio::test]
async fn whoever_hears_term_is_not_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let (mut launched, _) = up(&launcher(), shell(folder.path(), script)).await;
    let ended = launched.process.terminate(Duration::from_mins(1)).await;
    assert_eq!((ended.exit, ended.clean), (Exit::Code(3), true));
    let mut said = String::new();
    launched.output.read_to_string(&mut said).await.expect("read");
    assert_eq!(said, "bye\n");
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (launched, _) = up(&launcher(), shell(folder.path(), "(setsid sleep 1000 &); echo ready; exit 0")).await;
    assert_eq!(launched.process.exited().await, Exit::Code(0));
    assert!(launched.process.ended().await.clean);
    assert_eq!(marked(folder.path()), NOBODY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_program_uses_no_processor_time_and_goes_on_afterwards() {
    let span = setting("FLIGHTDECK_TEST_FREEZE_MS", 400);
    for cgroup in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "(setsid sh -c 'echo > up; while :; do :; done' &); while [ ! -e up ]; do :; done; n=0; \
                      while :; do n=$((n+1)); echo $n; done";
        let (mut launched, _) = up(&launcher(), Launch { cgroup, ..shell(folder.path(), script) }).await;
        launched.process.freeze().await.expect("frozen");
        // The supervisor is awake; it is the program that must not be.
        let busy: Vec<u32> = marked(folder.path()).into_iter().filter(|pid| is_shell(*pid)).collect();
        assert_eq!(busy.len(), 2);
        let used = || busy.iter().map(|pid| ticks(*pid)).sum::<u64>();
        let before = used();
        tokio::time::sleep(Duration::from_millis(span)).await;
        assert_eq!(used(), before, "cgroup {cgroup}");
        launched.process.thaw().await.expect("thawed");
        // What was in the pipe already is at most its size.
        let mut more = vec![0; 200_000];
        launched.output.read_exact(&mut more).await.expect("it goes on");
        launched.process.freeze().await.expect("frozen again");
        // One who stands still can be asked to end all the same.
        assert_eq!(launched.process.terminate(60 * SECOND).await.exit, Exit::Signal(15));
        assert_eq!(launched.process.freeze().await, Err(FreezeError::Ended));
        assert_eq!(marked(folder.path()), NOBODY);
    }
}

fn is_shell(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm"))
        .is_ok_and(|name| matches!(name.trim_end(), "sh" | "dash" | "bash"))
}

#[tokio::test]
async fn nobody_who_launched_it_is_left_and_so_it_is_not_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = stubborn(shell(folder.path(), STUBBORN), 5).await;
    drop(process);
    gone(folder.path()).await;
}

/// How long something that happens by itself may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks until nobody bears the mark any more.
async fn gone(folder: &std::path::Path) {
    let began = Instant::now();
    while !marked(folder).is_empty() {
        assert!(began.elapsed() < PATIENCE, "left behind: {:?}", marked(folder));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_is_killed_takes_its_program_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = stubborn(Launch { cgroup: false, ..shell(folder.path(), STUBBORN) }, 5).await;
    kill_supervisors(folder.path());
    let ended = process.ended().await;
    assert!(ended.clean);
    assert_eq!(marked(folder.path()), NOBODY);
}

fn kill_supervisors(folder: &std::path::Path) {
    use rustix::process::{Pid, Signal, kill_process};
    for pid in marked(folder) {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if arguments.split(|byte| *byte == 0).nth(1) == Some(b"__supervise") {
            let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
            kill_process(pid, Signal::KILL).expect("killed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_what_an_owner_has_left_and_nothing_of_others() {
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let _process = stubborn(shell(one.path(), STUBBORN), 5).await;
    let stranger = stubborn(shell(other.path(), STUBBORN), 5).await;
    kill_supervisors(one.path());
    let mine = owner(one.path());
    let swept = tokio::task::spawn_blocking(move || mine.sweep()).await.expect("swept");
    assert!(swept.clean);
    assert_eq!(marked(one.path()), NOBODY);
    // Its supervisor, the program and its children.
    assert!(marked(other.path()).len() >= 7, "{:?}", marked(other.path()));
    stranger.terminate(Duration::ZERO).await;
}

#[tokio::test]
async fn who_passes_a_limit_is_ended() {
    let limits = Limits::default();
    // Memory that is touched: the shell keeps what it reads.
    let hungry = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 1000";
    let cases = [
        ("while :; do :; done", Limits { cpu_seconds: Some(1), ..limits }, Limit::CpuTime),
        (hungry, Limits { memory_bytes: Some(40_000_000), ..limits }, Limit::Memory),
        ("sleep 1000", Limits { run_time: Some(Duration::from_millis(50)), ..limits }, Limit::RunTime),
    ];
    for (script, limits, expected) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let launched = launcher().launch(Launch { limits, ..shell(folder.path(), script) }).await.expect("launched");
        let ended = launched.process.ended().await;
        assert_eq!((ended.limit, ended.exit, ended.clean), (Some(expected), Exit::Signal(9), true));
    }
}
