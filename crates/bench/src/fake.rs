//! A server in this process that keeps the promises which the load generator checks, or breaks one of them: to see that
//! each check notices.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};

use crate::http::Site;
use crate::server::Launcher;

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A reply names the seq of an earlier message.
    ReplySeqAgain,
    /// A reply leaves out a seq.
    ReplySeqGap,
    /// What was acknowledged is not there.
    Lost,
    /// A page holds another text.
    PageContent,
    /// A page has one message twice.
    PageAgain,
    /// There are more messages than were appended.
    Total,
    /// A stream leaves out a message.
    StreamGap,
    /// A stream sends a message twice.
    StreamAgain,
    /// A stream swaps two messages.
    StreamOrder,
    /// A stream changes texts.
    StreamContent,
    /// A stream sends the texts of another session.
    StreamMixed,
    /// A stream stops without an end.
    StreamStalls,
    /// A stream is closed too early.
    StreamEnds,
}

#[derive(Debug)]
struct Conversation {
    contents: Vec<String>,
    grown: watch::Sender<usize>,
}

#[derive(Debug)]
struct Fake {
    fault: Fault,
    conversations: RefCell<HashMap<String, Conversation>>,
}

/// Runs something against a server with a fault. The arguments are read by the grammar.
pub(crate) fn against<T>(
    fault: Fault,
    grammar: Command,
    words: &[&str],
    run: &impl AsyncFn(&ArgMatches, &Launcher) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let matches = grammar.no_binary_name(true).get_matches_from(words);
    LocalSet::new().block_on(&runtime, async {
        let launcher = Launcher::Running { site: Site::new(start(fault).await, "key"), pid: Some(std::process::id()) };
        // What hangs must fail, too.
        tokio::time::timeout(Duration::from_mins(2), run(&matches, &launcher)).await.expect("it ended")
    })
}

async fn start(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let fake = Rc::new(Fake { fault, conversations: RefCell::default() });
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(serve(Rc::clone(&fake), stream));
        }
    });
    address
}

async fn serve(fake: Rc<Fake>, mut stream: TcpStream) -> Option<()> {
    let mut received = Vec::new();
    loop {
        let (line, body, whole) = loop {
            if let Some(request) = request(&received) {
                break request;
            }
            if stream.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        };
        received.drain(..whole);
        let target = line.split(' ').nth(1)?.to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let (status, reply) = match (line.starts_with("POST"), parts.as_slice()) {
            (true, ["agents"]) => fake.register(&body),
            (true, ["agents", session, "messages"]) => fake.append(session, &body),
            (false, ["agents", session, "messages"]) => fake.page(session, query),
            (false, ["agents", session, "messages", "stream"]) => {
                return fake.stream(session, number(query, "after"), stream).await;
            }
            _ => (404, json!({"path": path})),
        };
        let reply = reply.to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", reply.len());
        stream.write_all(format!("{head}{reply}").as_bytes()).await.ok()?;
    }
}

/// The request line, the body, and the length of both, when all is there.
fn request(received: &[u8]) -> Option<(String, Value, usize)> {
    let head = memchr::memmem::find(received, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&received[..head]).ok()?;
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let whole = head + length.unwrap_or(0);
    let body = received.get(head..whole)?;
    Some((text.lines().next()?.to_owned(), serde_json::from_slice(body).unwrap_or(Value::Null), whole))
}

fn number(query: &str, name: &str) -> Option<usize> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

impl Fake {
    fn register(&self, body: &Value) -> (u16, Value) {
        let id = body["sessionId"].as_str().expect("an id").to_owned();
        let new = Conversation { contents: Vec::new(), grown: watch::Sender::new(0) };
        self.conversations.borrow_mut().insert(id.clone(), new);
        (201, json!({"agentId": id, "lastSeq": 0}))
    }

    fn append(&self, session: &str, body: &Value) -> (u16, Value) {
        let mut conversations = self.conversations.borrow_mut();
        let conversation = conversations.get_mut(session).expect("registered");
        let one = [body.clone()];
        let mut seqs = Vec::new();
        for message in body.as_array().map_or(&one[..], Vec::as_slice) {
            let content = message["content"].as_str().expect("a text").to_owned();
            conversation.contents.push(content);
            seqs.push(conversation.contents.len());
        }
        let last = conversation.contents.len();
        match self.fault {
            Fault::ReplySeqAgain if last > 8 => seqs[0] -= 1,
            Fault::ReplySeqGap if last > 8 => *seqs.last_mut().expect("one") += 1,
            Fault::Lost if last > 8 => conversation.contents.truncate(last - 1),
            _ => {}
        }
        conversation.grown.send_replace(conversation.contents.len());
        let views: Vec<Value> = seqs.iter().map(|seq| json!({"id": "x", "seq": seq})).collect();
        (201, json!({"messages": views, "control": {"desiredStatus": "running", "pendingCommands": 0}}))
    }

    fn page(&self, session: &str, query: &str) -> (u16, Value) {
        let conversations = self.conversations.borrow();
        let contents = &conversations[session].contents;
        let limit = number(query, "limit").unwrap_or(50);
        let before = number(query, "before").map(|before| before.saturating_sub(limit + 1));
        let after = before.or(number(query, "after")).or(number(query, "skip")).unwrap_or(0);
        let places = after..(after + limit).min(contents.len());
        let mut views: Vec<Value> = places.map(|at| json!({"seq": at + 1, "content": contents[at]})).collect();
        let mut total = contents.len();
        match self.fault {
            Fault::PageContent => {
                views[0]["content"] = json!(views[0]["content"].as_str().expect("a text").replace('e', "a"));
            }
            Fault::PageAgain if views.len() > 1 => views[1] = views[0].clone(),
            Fault::Total => total += 1,
            _ => {}
        }
        (200, json!({"messages": views, "total": total}))
    }

    async fn stream(&self, session: &str, after: Option<usize>, mut stream: TcpStream) -> Option<()> {
        let mut grown = self.conversations.borrow()[session].grown.subscribe();
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nd\r\nretry: 1000\n\n\r\n";
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut place = after.unwrap_or(0);
        loop {
            let contents = self.conversations.borrow()[session].contents.clone();
            while place < contents.len() {
                let seq = place + 1;
                place = seq;
                let seqs = match (self.fault, seq) {
                    (Fault::StreamGap, 4) => vec![],
                    (Fault::StreamAgain, 4) => vec![4, 4],
                    (Fault::StreamOrder, 4) => vec![],
                    (Fault::StreamOrder, 5) => vec![5, 4],
                    (Fault::StreamStalls, 4..) => vec![],
                    (Fault::StreamEnds, 4) => {
                        stream.write_all(b"0\r\n\r\n").await.ok()?;
                        return None;
                    }
                    (_, seq) => vec![seq],
                };
                for seq in seqs {
                    let mut content = contents[seq - 1].clone();
                    if self.fault == Fault::StreamContent {
                        content = content.replace('e', "a");
                    }
                    if self.fault == Fault::StreamMixed {
                        content = content.replace("00000000", "00000001");
                    }
                    let data = json!({"seq": seq, "content": content});
                    let event = format!("event: message\nid: {seq}\ndata: {data}\n\n");
                    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                    stream.write_all(chunk.as_bytes()).await.ok()?;
                }
            }
            grown.changed().await.ok()?;
        }
    }
}
