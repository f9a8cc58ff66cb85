//! Servers come and go as tests ask, and a test without one is never passed.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};

use flightdeck_test_servers::haproxy::Balancer;
use flightdeck_test_servers::valkey::Private;
use flightdeck_test_servers::{postgres, trial_with};
use libtest_mimic::{Arguments, Trial};
use tokio_postgres::NoTls;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = vec![
        trial_with(RESTART, Private::start, a_server_of_ones_own_can_be_stopped_and_started_on_its_port),
        trial_with(
            "a_postgres_of_ones_own_keeps_what_it_committed_when_it_crashes",
            postgres::Private::start,
            a_postgres_of_ones_own_keeps_what_it_committed_when_it_crashes,
        ),
        trial_with(
            "a_pair_keeps_what_it_acknowledged_when_its_primary_is_killed",
            postgres::Pair::start,
            a_pair_keeps_what_it_acknowledged_when_its_primary_is_killed,
        ),
        trial_with("a_balancer_passes_on_what_comes", Balancer::installed, |()| a_balancer_passes_on_what_comes()),
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

fn a_postgres_of_ones_own_keeps_what_it_committed_when_it_crashes(mut server: postgres::Private) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = server.url();
    let ask = |sql: &str| {
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it answers");
            tokio::spawn(connection);
            client.simple_query(sql).await.expect("an answer").len()
        })
    };
    ask("CREATE TABLE kept AS SELECT 1 AS number");
    let before = ask("SELECT * FROM kept");
    server.restart_immediately().expect("it comes back");
    assert_eq!((ask("SELECT * FROM kept"), server.url()), (before, url.clone()));
}

fn a_pair_keeps_what_it_acknowledged_when_its_primary_is_killed(mut pair: postgres::Pair) {
    let ask = |url: &str, sql: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it answers");
            tokio::spawn(connection);
            client.simple_query(sql).await.expect("an answer").len()
        })
    };
    ask(pair.url(), "CREATE TABLE kept (number INT)");
    for round in 1..=2_usize {
        ask(pair.url(), "INSERT INTO kept VALUES (1)");
        let (primary, standby) = (pair.primary(), pair.standby());
        pair.kill_primary();
        pair.promote().expect("promoted");
        assert_eq!((pair.primary(), pair.standby()), (standby, primary));
        // The answer's end counts as one.
        assert_eq!(ask(&pair.primary(), "SELECT * FROM kept"), round + 2);
        pair.rebuild().expect("it follows");
    }
}

fn a_balancer_passes_on_what_comes() {
    let behind = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = behind.local_addr().expect("its address").to_string();
    let config = "defaults\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n\
                  listen all\n  bind \"$HERE\"\n  server there \"$THERE\"\n";
    let balancer = Balancer::start(config, "HERE", &[("THERE", target)]).expect("haproxy");
    let mut stream = TcpStream::connect(balancer.address()).expect("it listens");
    stream.write_all(b"hello\n").expect("it takes it");
    // Before it, the one that looked whether the balancer listens may have been passed on.
    let mut lines = std::iter::repeat_with(|| {
        let mut line = String::new();
        let (stream, _) = behind.accept().expect("it comes");
        BufReader::new(stream).read_line(&mut line).expect("a text");
        line
    });
    assert!(lines.any(|line| line == "hello\n"));
    let address = balancer.address();
    drop(balancer);
    assert!(TcpStream::connect(address).is_err(), "nothing is left behind");
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
