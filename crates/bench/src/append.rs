//! Appending messages: a request whose bytes are made once and changed in place, and its reply.

mod pipelined;

use memchr::memmem;

pub(crate) use self::pipelined::PipelinedAppender;
use crate::check::{Dense, Ledger, Violation};
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::fleet::SessionId;
use crate::http::{Connection, Site};
use crate::number::count;

/// What a message says that it has used, as an agent with a model behind it does.
const USAGE: &str = r#","usage":{"model":"bench","inputTokens":1200,"outputTokens":85,"costUsd":0.01}"#;

const NO_SESSION: &str = "00000000-0000-4000-8000-000000000000";

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) messages: usize,
    /// Each message reports what it used.
    pub(crate) usage: bool,
}

impl Batch {
    /// So many messages that say nothing of usage.
    pub(crate) const fn of(messages: usize) -> Self {
        Self { messages, usage: false }
    }
}

/// A request that appends a batch of messages to any session.
#[derive(Clone, Debug)]
pub(crate) struct AppendRequest {
    bytes: Vec<u8>,
    session_at: usize,
    /// Where the text of each message begins.
    texts_at: Vec<usize>,
}

impl AppendRequest {
    /// One message is sent as an object, more as an array.
    pub(crate) fn new(site: &Site, content: &Content, batch: Batch) -> Self {
        let mut body = Vec::new();
        let mut texts_at = Vec::with_capacity(batch.messages);
        for n in 0..batch.messages {
            body.extend_from_slice(if n == 0 { b"[" } else { b"," });
            body.extend_from_slice(b"{\"role\":\"assistant\",\"content\":\"");
            texts_at.push(body.len());
            body.extend_from_slice(content.escaped());
            body.push(b'"');
            if batch.usage {
                body.extend_from_slice(USAGE.as_bytes());
            }
            body.push(b'}');
        }
        body.push(b']');
        let alone = batch.messages == 1;
        let body = if alone { body.get(1..body.len() - 1).unwrap_or_default() } else { &body };
        let before = usize::from(alone);
        let mut bytes = site.post_head(&format!("/agents/{NO_SESSION}/messages"), body.len());
        let begin = bytes.len() - before;
        bytes.extend_from_slice(body);
        for at in &mut texts_at {
            *at += begin;
        }
        let session_at = memmem::find(&bytes, NO_SESSION.as_bytes()).unwrap_or(0);
        Self { bytes, session_at, texts_at }
    }

    /// Addresses it to a session with the next messages of its ledger; gives the number of the first.
    fn address(&mut self, session: &SessionId, ledger: &mut Ledger, content: &Content) -> Vec<crate::content::Tag> {
        let id = session.as_bytes();
        self.bytes.iter_mut().skip(self.session_at).zip(id).for_each(|(byte, with)| *byte = *with);
        let mut tags = Vec::with_capacity(self.texts_at.len());
        for at in &self.texts_at {
            let tag = ledger.send();
            tags.push(tag);
            if let Some(slot) = self.bytes.get_mut(*at..*at + content.escaped().len()) {
                content.stamp(slot, tag);
            }
        }
        tags
    }
}

/// The seqs in the reply to an append, which must be dense.
///
/// # Errors
/// There are not as many as messages were sent, or they are not dense.
pub(crate) fn seqs(body: &[u8], batch: usize, who: impl Fn() -> String) -> Outcome<std::ops::RangeInclusive<u64>> {
    const NAME: &[u8] = b"\"seq\":";
    let (mut first, mut dense, mut found) = (0, Dense::after(0), 0);
    for at in memmem::find_iter(body, NAME) {
        let digits = body.get(at + NAME.len()..).unwrap_or_default();
        let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        let seq = digits.get(..end).and_then(crate::sse::number);
        let seq = seq.ok_or_else(|| BenchError::Protocol("a seq is no number".to_owned()))?;
        if found == 0 {
            (first, dense) = (seq, Dense::after(seq.saturating_sub(1)));
        }
        dense.take(seq, &who)?;
        found += 1;
    }
    if found != count(batch) {
        return Err(Violation::Count { who: who(), what: "seqs in a reply", expected: count(batch), got: found }.into());
    }
    Ok(first..=dense.last())
}

/// Appends messages over one connection.
#[derive(Debug)]
pub(crate) struct Appender {
    connection: Connection,
    request: AppendRequest,
    content: Content,
}

impl Appender {
    pub(crate) async fn open(site: &Site, content: &Content, batch: Batch) -> Outcome<Self> {
        let request = AppendRequest::new(site, content, batch);
        Ok(Self { connection: Connection::open(site.address).await?, request, content: content.clone() })
    }

    /// Appends the next batch to a session, and notes in its ledger where the messages stand. Gives their seqs.
    ///
    /// # Errors
    /// The answer is not 201, or its seqs are wrong.
    pub(crate) async fn append(
        &mut self,
        session: &SessionId,
        ledger: &std::cell::RefCell<Ledger>,
    ) -> Outcome<std::ops::RangeInclusive<u64>> {
        let tags = self.request.address(session, &mut ledger.borrow_mut(), &self.content);
        let reply = self.connection.exchange(&self.request.bytes).await?;
        let reply = reply.expect(&[201], "appending messages")?;
        let seqs = seqs(reply.body, tags.len(), || format!("reply for session {session}"))?;
        let mut ledger = ledger.borrow_mut();
        for (seq, tag) in seqs.clone().zip(tags) {
            ledger.acknowledge(seq, tag)?;
        }
        Ok(seqs)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn request(batch: Batch) -> (AppendRequest, Content, Site) {
        let site = Site::new(SocketAddr::from(([127, 0, 0, 1], 1)), "k");
        let content = Content::of_size(100);
        (AppendRequest::new(&site, &content, batch), content, site)
    }

    fn body(request: &AppendRequest) -> serde_json::Value {
        let at = memmem::find(&request.bytes, b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8_lossy(&request.bytes[..at]).into_owned();
        let body = &request.bytes[at..];
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        serde_json::from_slice(body).expect("JSON")
    }

    #[test]
    fn a_request_is_changed_in_place() {
        let (mut request, content, _) = request(Batch::of(3));
        let mut ledger = Ledger::new(9, 0);
        let session = crate::fleet::Names::of_run(7).session(12);
        for round in 0..2_u32 {
            let tags = request.address(&session, &mut ledger, &content);
            let body = body(&request);
            for (n, tag) in tags.iter().enumerate() {
                assert_eq!(body[n]["content"].as_str(), Some(content.plain(*tag).as_str()));
                assert_eq!((tag.session, tag.message), (9, round * 3 + u32::try_from(n).expect("small")));
            }
            let line = format!("POST /agents/{session}/messages HTTP/1.1\r\n");
            assert!(request.bytes.starts_with(line.as_bytes()));
        }
    }

    #[test]
    fn one_message_is_an_object() {
        let (mut request, content, _) = request(Batch::of(1));
        let session = crate::fleet::Names::of_run(7).session(0);
        let tags = request.address(&session, &mut Ledger::new(0, 0), &content);
        assert_eq!(body(&request)["content"].as_str(), Some(content.plain(tags[0]).as_str()));
    }

    #[test]
    fn each_message_may_report_its_usage() {
        for messages in [1, 2] {
            let (request, ..) = request(Batch { messages, usage: true });
            let body = body(&request);
            let all = if messages == 1 { vec![body] } else { body.as_array().expect("a batch").clone() };
            assert_eq!(all.len(), messages);
            assert!(all.iter().all(|message| message["usage"]["inputTokens"] == 1_200), "{all:?}");
        }
    }

    #[test]
    fn seqs_in_a_reply_must_be_dense_and_as_many_as_messages() {
        let reply = |seqs: &[u64]| {
            let views: Vec<String> = seqs.iter().map(|seq| format!("{{\"id\":\"x\",\"seq\":{seq}}}")).collect();
            format!("{{\"messages\":[{}],\"control\":{{}}}}", views.join(","))
        };
        let read = |seqs_given: &[u64], batch| seqs(reply(seqs_given).as_bytes(), batch, String::new);
        assert_eq!(read(&[4, 5, 6], 3).expect("good"), 4..=6);
        assert!(matches!(read(&[4, 6], 2), Err(BenchError::Violation(Violation::Gap { .. }))));
        assert!(matches!(read(&[4, 4], 2), Err(BenchError::Violation(Violation::Again { .. }))));
        assert!(matches!(read(&[4], 2), Err(BenchError::Violation(Violation::Count { got: 1, .. }))));
        assert!(matches!(read(&[4, 5], 1), Err(BenchError::Violation(Violation::Count { got: 2, .. }))));
    }
}
