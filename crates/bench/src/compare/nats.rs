//! The protocol of NATS, as far as its streams need it: requests are messages with a subject to answer to.

use memchr::memmem;
use serde_json::json;

use super::dialect::TOPIC;
use crate::error::{BenchError, Outcome};

const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n";

/// Makes the stream. What is published is answered when it is stored.
pub(super) fn make_stream() -> Vec<u8> {
    let body = json!({"name": TOPIC, "subjects": [TOPIC], "storage": "file", "retention": "limits", "num_replicas": 1});
    let body = body.to_string();
    let request = format!("PUB $JS.API.STREAM.CREATE.{TOPIC} made {}\r\n{body}\r\n", body.len());
    format!("{CONNECT}SUB made 1\r\n{request}").into_bytes()
}

pub(super) fn hello(writer: u32) -> Vec<u8> {
    format!("{CONNECT}SUB acked.{writer} 1\r\n").into_bytes()
}

pub(super) fn publish(writer: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("PUB {TOPIC} acked.{writer} {}\r\n", payload.len()).as_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// A consumer of the follower's own, which pushes everything from the beginning on.
pub(super) fn follow(follower: u32) -> Vec<u8> {
    let config = json!({"deliver_subject": format!("to.{follower}"), "ack_policy": "none", "deliver_policy": "all",
        "max_deliver": 1, "mem_storage": true, "inactive_threshold": 300_000_000_000_u64});
    let body = json!({"stream_name": TOPIC, "config": config}).to_string();
    let request = format!("PUB $JS.API.CONSUMER.CREATE.{TOPIC} made.{follower} {}\r\n{body}\r\n", body.len());
    format!("{CONNECT}SUB to.{follower} 1\r\nSUB made.{follower} 2\r\n{request}").into_bytes()
}

/// Whether the consumer was made.
pub(super) fn begun(received: &[u8]) -> bool {
    memmem::find(received, b"consumer_create_response").is_some()
}

/// The answer to a question whether anybody is there.
pub(super) fn pong(received: &[u8]) -> Option<Vec<u8>> {
    memmem::find(received, b"PING\r\n").map(|_| b"PONG\r\n".to_vec())
}

/// The first of the lines that came, through the one that says that a message is stored.
///
/// # Errors
/// It was not stored.
pub(super) fn acknowledged(received: &[u8]) -> Outcome<Option<usize>> {
    let mut rest = received;
    while let Some(end) = memmem::find(rest, b"\r\n") {
        let (line, behind) = (rest.get(..end).unwrap_or_default(), rest.get(end + 2..).unwrap_or_default());
        rest = behind;
        if !line.starts_with(b"MSG ") {
            // What the server is, whether we are here, and errors.
            if line.starts_with(b"-ERR") {
                return Err(wrong(line));
            }
            continue;
        }
        let length =
            line.rsplit(|byte| *byte == b' ').next().and_then(crate::sse::number).ok_or_else(|| wrong(line))?;
        let length = crate::number::length(length);
        let Some((body, behind)) = rest.split_at_checked(length + 2) else { return Ok(None) };
        if memmem::find(body, b"\"error\"").is_some() || memmem::find(body, b"\"seq\":").is_none() {
            return Err(wrong(body));
        }
        return Ok(Some(received.len() - behind.len()));
    }
    Ok(None)
}

fn wrong(said: &[u8]) -> BenchError {
    BenchError::Protocol(format!("NATS said {:?}", String::from_utf8_lossy(said).chars().take(300).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_message_is_acknowledged_behind_what_else_is_said() {
        let said = b"INFO {}\r\nPING\r\nMSG acked.1 1 26\r\n{\"stream\":\"load\",\"seq\":12}\r\nMSG";
        assert_eq!(acknowledged(said).expect("whole"), Some(said.len() - 3));
        assert_eq!(acknowledged(&said[..40]).expect("a part"), None);
        assert!(acknowledged(b"MSG a 1 12\r\n{\"error\":{}}\r\n").is_err());
        assert!(acknowledged(b"-ERR 'no'\r\n").is_err());
    }
}
