//! A conversation that is written line by line.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

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
            "POST /agents/{agent}/messages?stream=true HTTP/1.1\r\nHost: test\r\nX-API-Key: {}\r\n\
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

#[test]
fn more_lines_than_a_batch_holds_are_appended_in_their_order() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages");
    server.call("POST", &path, NDJSON, &lines(1_001)).expect(400);
    let reply = server.call("POST", &format!("{path}?stream=true"), NDJSON, &lines(2_500));
    assert_eq!(reply.header("flightdeck-appended"), Some("2500"));
    let control = json!({"desiredStatus": "running", "pendingCommands": 0});
    assert_eq!(reply.expect(200), json!({"appended": 2_500, "lastSeq": 2_500, "control": control}));
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
    assert!(answer.contains("\"appended\":4,\"lastseq\":4"), "{answer}");
    assert_eq!(server.get("/fleet").expect(200)["openStreams"], 0);
}

#[test]
fn a_fault_ends_it_and_what_came_before_stays() {
    let server = TestServer::start();
    let agent = server.session(None);
    let mut writer = Writer::begin(&server, &agent);
    writer.say(
        "{\"role\":\"user\",\"content\":\"one\"}\n\n{\"role\":\"user\",\"content\":\"two\"}\n{\"role\":\"nobody\"}\n",
    );
    let answer = writer.end();
    assert!(answer.starts_with("http/1.1 400"), "{answer}");
    assert!(answer.contains("flightdeck-appended: 2\r\n") && answer.contains("\"field\":\"/2/role\""), "{answer}");
    until(&server, &agent, 2);

    // The session ends under it.
    let mut writer = Writer::begin(&server, &agent);
    writer.say("{\"role\":\"user\",\"content\":\"three\"}\n");
    until(&server, &agent, 3);
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
    server.call("POST", &path, NDJSON, b"\n \n").expect(400);
    let mut long = vec![b'x'; 5 << 20];
    long.push(b'\n');
    server.call("POST", &path, NDJSON, &long).expect(413);
    server.call("POST", &path.replace("true", "perhaps"), NDJSON, b"{}").expect(400);
}
