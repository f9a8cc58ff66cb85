//! A receiver of webhooks: it checks signatures, notes what comes, and now and then does not do what is hoped for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use standardwebhooks::Webhook;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// What receiver and server both know.
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

/// A request with a good signature.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) id: String,
    pub(crate) body: Value,
}

impl Got {
    /// The place of its event: `event-<epoch>-<place>-<sink>`.
    pub(crate) fn place(&self) -> Option<u64> {
        self.id.strip_prefix("event-")?.split('-').nth(1)?.parse().ok()
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// Answers 500 to everything.
    broken: Arc<AtomicBool>,
}

impl Receiver {
    /// One that answers, of so many requests one with 500, one late and one not at all; always well for 0.
    pub(crate) fn start(moody: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let (got, broken) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (notes, is_broken, count) = (Arc::clone(&got), Arc::clone(&broken), Arc::new(AtomicU64::new(0)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (notes, is_broken, count) = (Arc::clone(&notes), Arc::clone(&is_broken), Arc::clone(&count));
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
                    // One connection brings many.
                    while let Some(request) = read(&mut reader) {
                        let number = count.fetch_add(1, Ordering::SeqCst);
                        let mood = if moody == 0 { u64::MAX } else { number % moody };
                        let answer = match mood {
                            _ if is_broken.load(Ordering::SeqCst) => "500 Broken",
                            1 => "500 Broken",
                            // Noted, and nobody hears of it.
                            2 => {
                                notes.lock().expect("a lock").push(request);
                                return;
                            }
                            _ => {
                                if mood == 3 {
                                    thread::sleep(Duration::from_millis(300));
                                }
                                notes.lock().expect("a lock").push(request);
                                "204 Good"
                            }
                        };
                        if write(&stream, answer).is_none() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, got, broken }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("a lock").clone()
    }

    /// The place of the newest event, and how many came more than once. Each must have come for the first time in order;
    /// `run` is told of one that has not.
    pub(crate) fn in_order(&self, run: &str) -> (u64, u64) {
        let (mut newest, mut repeated) = (0, 0);
        for got in self.got() {
            let place = got.place().expect("an event");
            if place == newest + 1 {
                newest = place;
            } else {
                assert!(place <= newest, "{run}: {place} came before {}", newest + 1);
                repeated += 1;
            }
        }
        (newest, repeated)
    }

    pub(crate) fn break_down(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }
}

fn write(mut stream: &TcpStream, answer: &str) -> Option<()> {
    stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok()
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = HeaderMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut body = vec![0; header("content-length").parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Webhook::new(SECRET).expect("a secret").verify(&body, &headers).expect("a good signature");
    let id = header("webhook-id").to_owned();
    Some(Got { id, body: serde_json::from_slice(&body).expect("JSON") })
}
