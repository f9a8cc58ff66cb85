//! Plain requests.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

use super::sse::Stream;

/// An answer that came whole: its status and its JSON.
pub(crate) type Answer = (u16, Value);

/// A client with a key.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    address: SocketAddr,
    base: String,
    key: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .new_agent();
        Self { agent, address, base: format!("http://{address}"), key: key.to_owned() }
    }

    /// # Errors
    /// No whole answer came: the server may have done what was asked, or not.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Result<Answer, ureq::Error> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("X-API-Key", &self.key);
        answer(request.send_json(body)?)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.put(format!("{}{path}", self.base)).header("X-API-Key", &self.key);
        request.send_json(body).and_then(answer).expect("an answer")
    }

    /// The same with an idempotency key.
    ///
    /// # Errors
    /// As [`Client::try_post`]; whoever makes the call again with the same key has it done once.
    pub(crate) fn try_post_once(&self, path: &str, body: &Value, key: &str) -> Result<Answer, ureq::Error> {
        let request = self.agent.post(format!("{}{path}", self.base)).header("X-API-Key", &self.key);
        answer(request.header("Idempotency-Key", key).send_json(body)?)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).expect("an answer")
    }

    /// Sends a body that may be no JSON.
    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.base)).header("X-API-Key", &self.key);
        let request = request.header("Content-Type", "application/json");
        answer(request.send(body).expect("an answer")).expect("a whole answer")
    }

    /// # Errors
    /// No whole answer came.
    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        answer(self.agent.get(format!("{}{path}", self.base)).header("X-API-Key", &self.key).call()?)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_get(path).expect("an answer")
    }

    /// Opens a stream, behind the last event where one is given.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub(crate) fn stream(&self, path: &str, last: Option<u64>) -> io::Result<Stream> {
        Stream::open(self.address, &self.key, path, last)
    }

    /// Opens a stream behind the event with an id, as it came.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub(crate) fn resume(&self, path: &str, last: Option<&str>) -> io::Result<Stream> {
        Stream::resume(self.address, &self.key, path, last)
    }

    /// Registers a session below a parent, or at the top.
    pub(crate) fn register(&self, parent: Option<&str>) -> String {
        let mut body = json!({"taskId": "task", "agentType": "tester"});
        if let Some(parent) = parent {
            body["parentSessionId"] = parent.into();
        }
        let (status, session) = self.post("/agents", &body);
        assert!(matches!(status, 200 | 201), "{status} {session}");
        session["agentId"].as_str().expect("an id").to_owned()
    }

    /// Appends messages and gives their seqs.
    pub(crate) fn append(&self, session: &str, contents: &[String]) -> Vec<u64> {
        let bodies: Vec<_> = contents.iter().map(|text| json!({"role": "assistant", "content": text})).collect();
        let (status, reply) = self.post(&format!("/agents/{session}/messages"), &bodies.into());
        assert_eq!(status, 201, "{reply}");
        let messages = reply["messages"].as_array().expect("messages");
        messages.iter().map(|message| message["seq"].as_u64().expect("a seq")).collect()
    }

    /// The whole conversation, page by page, and the number of messages that the server says there are.
    pub(crate) fn conversation(&self, session: &str) -> (Vec<Value>, u64) {
        let mut messages: Vec<Value> = Vec::new();
        loop {
            let after = messages.last().map_or(0, |last| last["seq"].as_u64().expect("a seq"));
            let (status, mut page) = self.get(&format!("/agents/{session}/messages?after={after}&limit=1000"));
            assert_eq!(status, 200, "{page}");
            let total = page["total"].as_u64().expect("a total");
            match page["messages"].take() {
                Value::Array(more) if !more.is_empty() => messages.extend(more),
                _ => return (messages, total),
            }
        }
    }

    /// The whole audit log, newest first.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut path = "/audit?limit=1000".to_owned();
        loop {
            let (status, mut page) = self.get(&path);
            assert_eq!(status, 200, "{page}");
            if let Value::Array(more) = page["entries"].take() {
                entries.extend(more);
            }
            let Some(before) = page["nextBefore"].as_u64() else { return entries };
            path = format!("/audit?limit=1000&before={before}");
        }
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    Ok((response.status().as_u16(), response.body_mut().with_config().limit(u64::MAX).read_json()?))
}
