//! Servers come and go as tests ask, and a test without one is never passed.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode};

use flightdeck_test_servers::trial_with;
use flightdeck_test_servers::valkey::Private;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = vec![
        trial_with(RESTART, Private::start, a_server_of_ones_own_can_be_stopped_and_started_on_its_port),
        Trial::test("a_test_without_its_server_is_ignored_and_failed_in_ci", || {
            a_test_without_its_server_is_ignored_and_failed_in_ci();
            Ok(())
        }),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

const RESTART: &str = "a_server_of_ones_own_can_be_stopped_and_started_on_its_port";

fn a_server_of_ones_own_can_be_stopped_and_started_on_its_port(mut server: Private) {
    let url = server.url();
    assert!(answers(&url));
    server.stop();
    assert!(!answers(&url));
    server.start_again().expect("it starts again");
    assert_eq!(server.url(), url);
    assert!(answers(&url));
    drop(server);
    assert!(!answers(&url), "nothing is left behind");
}

fn answers(url: &str) -> bool {
    let address = url.strip_prefix("redis://").expect("a URL");
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.write_all(b"PING\r\n").expect("it listens");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("it answers");
    line == "+PONG\r\n"
}

/// Runs the other test in a process that finds no program at all.
fn a_test_without_its_server_is_ignored_and_failed_in_ci() {
    let run = |ci: bool| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", RESTART]).env("PATH", "").env_remove("CI");
        if ci {
            command.env("CI", "true");
        }
        let output = command.output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (success, told) = run(false);
    assert!(success && told.contains("0 passed; 0 failed; 1 ignored"), "{told}");
    assert!(told.contains("neither valkey-server nor redis-server is installed"), "{told}");
    let (success, told) = run(true);
    assert!(!success && told.contains("0 passed; 1 failed"), "{told}");
}
