//! What strangers send to a running server, and what stays free for those who stop agents.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use support::process::{Server, flightdeck, run, told};
use tempfile::TempDir;

/// A server whose log can be read.
struct Watched {
    _folder: TempDir,
    data_dir: PathBuf,
    log: PathBuf,
    server: Server,
}

impl Watched {
    fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data_dir, log) = (folder.path().join("data"), folder.path().join("log"));
        let mut command = flightdeck(&data_dir, &[&["--listen", "127.0.0.1:0"], settings].concat());
        command.stderr(File::create(&log).expect("a log"));
        let server = Server::start_command(&data_dir, &mut command);
        Self { _folder: folder, data_dir, log, server }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log")
    }

    /// The memory that the server has, in KiB.
    fn memory(&self) -> i64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    stream
}

/// Sends something, and gives what comes back until the server hangs up or all of the first answer is there.
fn sent(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

const STRANGERS: usize = 64;

#[test]
fn strangers_who_announce_much_reserve_nothing() {
    let watched = Watched::start(&["--log", "warn"]);
    let (address, admin) = (watched.server.address, watched.server.admin());
    let agent = admin.register(None);
    assert!(sent(address, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
    let before = watched.memory();
    let head = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let mut slow: Vec<TcpStream> = (0..STRANGERS).map(|_| connect(address)).collect();
    for stream in &mut slow {
        write!(stream, "{head}Content-Length: 4194304\r\n\r\n{{\"key\":\"").expect("sent");
    }
    let mut chunked: Vec<TcpStream> = (0..STRANGERS).map(|_| connect(address)).collect();
    for stream in &mut chunked {
        write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n").expect("sent");
    }
    for _ in 0..16 {
        for stream in &mut chunked {
            let _ = write!(stream, "80\r\n{}\r\n", " ".repeat(0x80));
        }
    }
    for stream in &mut slow {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer before the body");
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
    assert_eq!(admin.get("/health/live").0, 200);
    let (status, killed) = admin.post("/agents/kill-all?wait=0s", &json!({}));
    assert_eq!((status, &killed["total"]), (200, &json!(1)), "{agent}: {killed}");
    let grown = watched.memory() - before;
    assert!(grown < 8 * 1_024, "{grown} KiB for {} strangers", 2 * STRANGERS);
    assert!(!watched.log().contains("ERROR"), "{}", watched.log());
}

/// What is no HTTP, or stops being it.
fn garbage() -> Vec<Vec<u8>> {
    let post = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let texts = [
        "\r\n\r\n\r\nx\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET  /  HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /%zz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200_000)),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1_000)),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        format!("{post}Content-Length: 99999999999999999999999\r\n\r\n"),
        format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
        format!("{post}Transfer-Encoding: gzip\r\n\r\n"),
        format!("{post}Content-Length: 100\r\n\r\nhalf of it"),
        format!("{post}Content-Length: 5\r\n\r\nhello"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /agents/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            .to_owned(),
        "POST /login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n".to_owned(),
    ];
    let bytes = [vec![0; 100], vec![0xff; 100], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(), Vec::new()];
    texts.into_iter().map(String::into_bytes).chain(bytes).collect()
}

#[test]
fn garbage_makes_no_line_in_the_log() {
    let watched = Watched::start(&[]);
    let address = watched.server.address;
    let before = watched.log();
    for _ in 0..3 {
        for garbage in garbage() {
            let answer = sent(address, &garbage);
            let shown = String::from_utf8_lossy(&garbage[..garbage.len().min(60)]).into_owned();
            assert!(!answer.starts_with("HTTP/1.1 5"), "{shown:?}: {answer}");
            // Hung up on in the midst of the answer, or of nothing.
            drop(connect(address).write_all(&garbage));
        }
    }
    assert_eq!(watched.server.admin().get("/health/live").0, 200);
    let log = watched.log();
    let told = log.strip_prefix(&before).expect("a log grows");
    assert!(!told.contains("ERROR") && !told.contains("WARN"), "{told}");
}

#[test]
fn a_kill_passes_though_everything_else_is_throttled() {
    let watched = Watched::start(&["--log", "warn"]);
    let admin = watched.server.admin();
    let agent = admin.register(None);
    let call = |verb: &str| admin.post(&format!("/agents/{agent}/{verb}?wait=0s"), &json!({})).0;
    let pauses: Vec<u16> = (0..11).map(|_| call("pause")).collect();
    assert_eq!(pauses.iter().filter(|status| **status == 429).count(), 1, "{pauses:?}");
    assert!(call("resume") < 300 && call("interrupt") < 300);
    assert_eq!(admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "hi"})).0, 200);
    assert_eq!(call("kill"), 202);
    assert_eq!(admin.post("/agents/kill-all?wait=0s", &json!({})).0, 200);
    assert_eq!(admin.post("/killswitch/release", &json!({})).0, 200);
}

#[test]
fn a_command_waits_for_its_turn_and_says_so() {
    let watched = Watched::start(&["--log", "warn", "--throttle-control", "6/min"]);
    let admin = watched.server.admin();
    let agent = admin.register(None);
    let path = format!("/agents/{agent}/inject");
    while admin.post(&path, &json!({"message": "hi"})).0 != 429 {}
    let output = run(&mut flightdeck(&watched.data_dir, &["inject", &agent, "and one more"]));
    let (out, errors) = told(&output);
    assert!(output.status.success(), "{out}{errors}");
    assert!(errors.contains("the server is throttling; trying again in "), "{errors}");
    let (messages, _) = admin.conversation(&agent);
    assert_eq!(messages.iter().filter(|message| message["content"] == "and one more").count(), 1);
}

#[test]
fn a_command_does_not_wait_for_long() {
    let watched = Watched::start(&["--log", "warn", "--throttle-control", "1/h"]);
    let admin = watched.server.admin();
    let agent = admin.register(None);
    assert_eq!(admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "hi"})).0, 200);
    let output = run(&mut flightdeck(&watched.data_dir, &["inject", &agent, "and one more"]));
    let (_, errors) = told(&output);
    assert_eq!(output.status.code(), Some(8), "{errors}");
    assert!(errors.contains("try again in 3") && !errors.contains("trying again"), "{errors}");
    let output = run(&mut flightdeck(&watched.data_dir, &["kill", &agent, "--yes", "--wait", "0s"]));
    assert_ne!(output.status.code(), Some(8), "{}", told(&output).1);
}

#[test]
fn a_server_on_loopback_answers_to_its_own_names_alone() {
    let watched = Watched::start(&["--log", "warn", "--allowed-hosts", "deck.example"]);
    let status = |host: &str| {
        let answer = sent(watched.server.address, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).expect("a status")
    };
    assert_eq!(["evil.example", "evil.example:7600", "192.168.0.1"].map(status), [421; 3]);
    assert_eq!(["localhost", "127.0.0.1:7600", "[::1]", "deck.example:443"].map(status), [200; 4]);
}

#[test]
fn the_cookie_of_a_server_on_another_port_is_not_taken() {
    let watched = Watched::start(&["--log", "warn"]);
    let (address, key) = (watched.server.address, watched.server.admin_key());
    let body = json!({"key": key}).to_string();
    let length = body.len();
    let asked = format!(
        "POST /login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = sent(address, asked.as_bytes());
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    let (name, token) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
    assert_eq!(name, format!("flightdeck_session_{}", address.port()));
    let me = |cookie: &str| {
        sent(address, format!("GET /me HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n").as_bytes())
    };
    let other = address.port() ^ 1;
    assert!(me(&format!("flightdeck_session_{other}={token}")).starts_with("HTTP/1.1 401"));
    let mine = me(&format!("flightdeck_session_{other}=x; {name}={token}"));
    assert!(mine.starts_with("HTTP/1.1 200") && mine.contains("cache-control: no-store"), "{mine}");
}
