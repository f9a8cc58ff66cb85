//! A conversation that is written line by line.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use flightdeck_agent_io::mutants::{Numbers, mutant};

use crate::server::TestServer;

const NDJSON: &str = "application/x-ndjson";

fn lines(count: usize) -> Vec<u8> {
    let line = |n| format!("{{\"role\":\"assistant\",\"content\":\"line {n}\"}}\n").into_bytes();
    (1..=count).flat_map(line).collect()
}

/// A writer that says one line after the other.
struct Writer(TcpStream);

impl Writer {
    fn begin(server: &TestServer, agent: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).expect("connected");
        let head = format!(
            "POST /agents/{agent}/messages?stream=true HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n\
             Content-Type: {NDJSON}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            server.admin
        );
        stream.write_all(head.as_bytes()).expect("sent");
        Self(stream)
    }

    fn say(&mut self, text: &str) {
        write!(self.0, "{:x}\r\n{text}\r\n", text.len()).expect("sent");
    }

    /// The whole answer. (One that came before the end is given when the rest was taken off the connection.)
    fn end(mut self) -> String {
        // A server that has answered already may have closed the connection.
        let _ = self.0.write_all(b"0\r\n\r\n");
        self.0.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a socket");
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).expect("an answer");
        answer.to_ascii_lowercase()
    }
}

/// Waits until the conversation has so many messages.
fn until(server: &TestServer, agent: &str, total: u64) {
    while server.get(&format!("/agents/{agent}/messages?limit=1")).expect(200)["total"] != total {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The conversation, as `role: content`.
fn told(server: &TestServer, agent: &str) -> Vec<String> {
    let page = server.get(&format!("/agents/{agent}/messages?limit=1000")).expect(200);
    let text = |message: &serde_json::Value, field: &str| message[field].as_str().expect("a text").to_owned();
    let messages = page["messages"].as_array().expect("a list").iter();
    messages.map(|message| format!("{}: {}", text(message, "role"), text(message, "content"))).collect()
}

#[test]
fn more_lines_than_a_batch_holds_are_appended_in_their_order() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages");
    server.call("POST", &path, NDJSON, &lines(1_001)).expect(400);
    let reply = server.call("POST", &format!("{path}?stream=true"), NDJSON, &lines(2_500));
    assert_eq!(reply.header("flightdeck-appended"), Some("2500"));
    let control = json!({"desiredStatus": "running", "pendingCommands": 0});
    assert_eq!(reply.expect(200), json!({"appended": 2_500, "skipped": 0, "lastSeq": 2_500, "control": control}));
    let page = server.get(&format!("{path}?skip=2498")).expect(200);
    assert_eq!((&page["messages"][1]["content"], &page["total"]), (&json!("line 2500"), &json!(2_500)));
}

#[test]
fn each_line_is_there_before_the_next_is_said() {
    let server = TestServer::start();
    let agent = server.session(None);
    let mut writer = Writer::begin(&server, &agent);
    for n in 1..=3 {
        writer.say("{\"role\":\"assistant\",");
        writer.say("\"content\":\"hello\"}\n");
        until(&server, &agent, n);
    }
    assert_eq!(server.get("/fleet").expect(200)["openStreams"], 1);
    // The last line lacks its end.
    writer.say("\n{\"role\":\"user\",\"content\":\"last\"}");
    let answer = writer.end();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("\"appended\":4,\"skipped\":0,\"lastseq\":4"), "{answer}");
    assert_eq!(server.get("/fleet").expect(200)["openStreams"], 0);
}

#[test]
fn a_line_that_is_no_message_is_told_and_ends_nothing() {
    let server = TestServer::start();
    let agent = server.session(None);
    let mut writer = Writer::begin(&server, &agent);
    writer.say(
        "{\"role\":\"user\",\"content\":\"one\"}\n\n{\"role\":\"user\",\"content\":\"two\"}\n{\"role\":\"nobody\"}\n",
    );
    until(&server, &agent, 3);
    writer.say("{\"role\":\"user\",\"content\":\"three\"}\n");
    until(&server, &agent, 4);
    let answer = writer.end();
    assert!(answer.starts_with("http/1.1 400"), "{answer}");
    assert!(answer.contains("flightdeck-appended: 3\r\n") && answer.contains("\"field\":\"/2/role\""), "{answer}");
    let seen = told(&server, &agent).swap_remove(2);
    assert!(
        seen.starts_with("system: a line of 17 bytes is not in the conversation: /role: unknown variant `nobody`"),
        "{seen}"
    );
    assert!(seen.ends_with("It begins: {\"role\":\"nobody\"}"), "{seen}");
}

#[test]
fn what_cannot_be_read_is_told_once_and_the_rest_is_taken() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages?stream=true");
    let mut long = vec![b'x'; 5 << 20];
    long.push(b'\n');
    let mut body = b"\xef\xbb\xbf{\"role\":\"user\",\"content\":\"cut \\ud83d caf\xe9\"}\r\n".to_vec();
    body.extend_from_slice(&long);
    body.extend_from_slice(b"{\"role\":\"tool\",\"content\":\"half");
    let reply = server.call("POST", &path, NDJSON, &body).expect(200);
    assert_eq!((&reply["appended"], &reply["skipped"], &reply["lastSeq"]), (&json!(1), &json!(2), &json!(3)));
    let seen = told(&server, &agent);
    assert_eq!(seen[0], "user: cut \u{fffd} caf\u{fffd}");
    assert!(
        seen[1].starts_with("system: a line of 5242880 bytes is not in the conversation: it is not JSON"),
        "{}",
        seen[1]
    );
    assert!(seen[2].ends_with("from byte 30 on. It begins: {\"role\":\"tool\",\"content\":\"half"), "{}", seen[2]);
    server.call("POST", &path, NDJSON, &long).expect(200);
    assert_eq!(told(&server, &agent).len(), 3, "the same line again is the same message");
}

#[test]
fn what_no_conversation_can_hold_is_cut_and_marked() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages?stream=true");
    let mut body = format!("{{\"role\":\"tool\",\"content\":\"{}\"}}\n", "x".repeat(5 << 20)).into_bytes();
    body.extend_from_slice(b"{\"role\":\"tool\",\"content\":\"nul \\u0000\"}\n");
    assert_eq!(server.call("POST", &path, NDJSON, &body).expect(200)["appended"], 2);
    let seen = told(&server, &agent);
    assert!(seen[0].ends_with("x\n[the rest is left out: it is too long]"));
    assert_eq!((seen[0].len(), seen[1].as_str()), ("tool: ".len() + (1 << 20), "tool: nul \u{fffd}"));
}

#[test]
fn an_end_of_the_session_ends_it_and_what_came_before_stays() {
    let server = TestServer::start();
    let agent = server.session(None);
    let mut writer = Writer::begin(&server, &agent);
    writer.say("{\"role\":\"user\",\"content\":\"three\"}\n");
    until(&server, &agent, 1);
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    writer.say("{\"role\":\"user\",\"content\":\"four\"}\n");
    let answer = writer.end();
    assert!(answer.starts_with("http/1.1 409") && answer.contains("flightdeck-appended: 1\r\n"), "{answer}");
}

#[test]
fn what_is_no_stream_of_lines_is_told_so() {
    let server = TestServer::start();
    let path = format!("/agents/{}/messages?stream=true", server.session(None));
    let refused = server.call("POST", &path, "application/json", b"[]").expect(415);
    assert!(refused["detail"].as_str().expect("a text").contains("leave out ?stream=true"), "{refused}");
    assert!(refused["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{refused}");
    server.call("POST", &path, NDJSON, b"\n \n").expect(400);
    server.call("POST", &path.replace("true", "perhaps"), NDJSON, b"{}").expect(400);
}

/// Spoilt lines of a transcript: no line ends the stream, and each is in the conversation, or a message that tells of it.
/// `FLIGHTDECK_MUTATIONS` says how many.
#[test]
fn spoilt_lines_end_nothing_and_none_is_lost() {
    let server = TestServer::start();
    let agent = server.session(None);
    let good = [
        &br#"{"role":"assistant","content":"I look at caf\u00e9.rs \ud83d\ude00","metadata":{"type":"answer"}}"#[..],
        br#"{"role":"tool","content":"a.rs\nb.rs","metadata":{"type":"tool_result","exitCode":0,"tags":["x",[1,2]]}}"#,
        br#"{"role":"assistant","content":"done","usage":{"inputTokens":1200,"outputTokens":34,"costUsd":0.0123}}"#,
    ];
    let mut numbers = Numbers::new(13);
    let count = std::env::var("FLIGHTDECK_MUTATIONS").map_or(10_000, |count| count.parse().expect("a number"));
    let spoilt: Vec<Vec<u8>> = (0..count).map(|n| mutant(good[n % good.len()], &mut numbers)).collect();
    let mut body = spoilt.join(&b'\n');
    body.extend_from_slice(b"\n{\"role\":\"user\",\"content\":\"the last line\"}\n");
    let reply = server.call("POST", &format!("/agents/{agent}/messages?stream=true"), NDJSON, &body);
    let appended: usize = reply.header("flightdeck-appended").and_then(|count| count.parse().ok()).expect("a count");
    reply.expect(400);
    let mut seen = Vec::new();
    loop {
        let page = server.get(&format!("/agents/{agent}/messages?limit=1000&after={}", seen.len())).expect(200);
        let messages = page["messages"].as_array().expect("a list").clone();
        if messages.is_empty() {
            break;
        }
        seen.extend(messages);
    }
    assert_eq!(seen.last().expect("a message")["content"], "the last line");
    let told = seen.iter().filter(|message| message["metadata"]["type"] == "skipped_line").count();
    assert_eq!(seen.len(), appended + told, "every message is one or the other");
    // The same line twice is told once.
    let whole = |line: &&Vec<u8>| !line.trim_ascii().is_empty();
    let lines = spoilt.iter().filter(whole).count() + 1;
    let again = lines - spoilt.iter().filter(whole).collect::<std::collections::BTreeSet<_>>().len() - 1;
    assert!(seen.len() >= lines - again && seen.len() <= lines, "{} of {lines}, {again} twice", seen.len());
    assert!(told > 250 && appended > 250, "{told} are told, {appended} are messages");
}
