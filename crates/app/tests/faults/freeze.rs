//! Clients that try to keep the server busy with nothing. How soon others are answered is measured by
//! `flightdeck-bench freeze`; here it is seen that they are answered at all while the attack goes on, a kill of all before all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use libtest_mimic::Trial;
use serde_json::json;

use crate::plain;
use crate::support::process::Server;
use crate::world::{busy, serve, status_of, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        plain("a_line_that_never_ends_byte_by_byte_keeps_nobody_from_a_kill", dribble),
        plain("bodies_of_megabytes_keep_nobody_from_a_kill", bodies),
        plain("millions_of_values_are_refused_before_they_take_memory", values),
    ]
}

/// What each of the connections sends, again and again, behind the head of its request.
struct Attack {
    stream: bool,
    body: Vec<u8>,
    dribbled: usize,
}

impl Attack {
    fn once(&self, address: SocketAddr, key: &str, session: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        let path = format!("/agents/{session}/messages");
        let (query, kind, length) = if self.stream {
            ("?stream=true", "x-ndjson", "Transfer-Encoding: chunked".to_owned())
        } else {
            ("", "json", format!("Content-Length: {}", self.body.len()))
        };
        let head = format!(
            "POST {path}{query} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\nContent-Type: application/{kind}\r\n{length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        if self.stream {
            write!(stream, "{:x}\r\n", self.body.len())?;
        }
        stream.write_all(&self.body)?;
        for _ in 0..self.dribbled {
            stream.write_all(b"\r\n1\r\nx")?;
        }
        if self.stream {
            stream.write_all(b"\r\n0\r\n\r\n")?;
        }
        stream.read(&mut [0; 64]).map(drop)
    }
}

/// Attacks on four connections, and sees the others answered meanwhile.
fn withstands(attack: &Attack) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let mut command = serve(&data_dir, &["--log", "error"]);
    let server = Server::start_command(&data_dir, command.stderr(Stdio::inherit()));
    let (client, key) = (server.admin(), server.admin_key());
    let agent = busy(&client);
    let sessions: [String; 4] = std::array::from_fn(|_| client.register(None));
    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for session in &sessions {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // Whatever the server makes of it.
                    let _ = attack.once(server.address, &key, session);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until("the attack is under way", || (sent.load(Ordering::Relaxed) > 4).then_some(()));
        assert_eq!(client.get("/health/live").0, 200);
        let (status, killed) = client.post("/agents/kill-all", &json!({}));
        let meanwhile = sent.load(Ordering::Relaxed);
        over.store(true, Ordering::Relaxed);
        assert_eq!((status, &killed["total"]), (200, &json!(5)), "{killed}");
        assert!(meanwhile > 4, "it was attacked all the time");
    });
    until("the agent is dead", || (status_of(&client, &agent) == "killed").then_some(()));
    assert!(server.terminate().0.success());
}

fn dribble() {
    withstands(&Attack { stream: true, body: vec![b'x'; 1 << 20], dribbled: 2_000 });
}

fn bodies() {
    let message = json!({"role": "assistant", "content": "x".repeat(4_000)});
    let body = json!(vec![message; 400]).to_string().into_bytes();
    withstands(&Attack { stream: false, body, dribbled: 0 });
}

fn values() {
    let values = "0,".repeat(1_900_000);
    let body = format!(r#"{{"role":"assistant","content":"x","metadata":{{"a":[{values}0]}}}}"#).into_bytes();
    withstands(&Attack { stream: false, body, dribbled: 0 });
}
