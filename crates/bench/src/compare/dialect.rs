//! How a server is spoken to: what is sent to publish and to follow, and where an acknowledgement ends.

use std::net::SocketAddr;

use memchr::memmem;

use super::{nats, redis};
use crate::error::{BenchError, Outcome};
use crate::fleet::SessionId;
use crate::http::{Site, front};

/// The one conversation, channel, stream or subject that everything goes to.
pub(super) const TOPIC: &str = "load";

/// A server that listens, and what it understands.
#[derive(Clone, Debug)]
pub(super) enum Dialect {
    Flightdeck { site: Site, session: SessionId },
    Nchan(SocketAddr),
    Redis(SocketAddr),
    Nats(SocketAddr),
}

impl Dialect {
    pub(super) const fn address(&self) -> SocketAddr {
        match self {
            Self::Flightdeck { site, .. } => site.address,
            Self::Nchan(address) | Self::Redis(address) | Self::Nats(address) => *address,
        }
    }

    /// What a writer says first.
    pub(super) fn hello(&self, writer: u32) -> Vec<u8> {
        match self {
            Self::Nats(_) => nats::hello(writer),
            _ => Vec::new(),
        }
    }

    /// What publishes a text, which is JSON already.
    pub(super) fn publish(&self, writer: u32, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Flightdeck { site, session } => {
                let body = [b"{\"role\":\"assistant\",\"content\":\"", text, b"\"}"].concat();
                out.extend_from_slice(&site.post(&format!("/agents/{session}/messages"), &body));
            }
            Self::Nchan(address) => {
                let body = payload(text);
                let head = format!(
                    "POST /publish HTTP/1.1\r\nhost: {address}\r\naccept: text/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(&body);
            }
            Self::Redis(_) => redis::publish(&payload(text), out),
            Self::Nats(_) => nats::publish(writer, &payload(text), out),
        }
    }

    /// The length of the acknowledgement at the beginning of what came; `None` while it is not whole.
    ///
    /// # Errors
    /// The message was refused.
    pub(super) fn acknowledged(&self, received: &[u8]) -> Outcome<Option<usize>> {
        match self {
            Self::Flightdeck { .. } | Self::Nchan(_) => match front(received)? {
                Some((200..=202, length)) => Ok(Some(length)),
                Some((status, _)) => {
                    let body = String::from_utf8_lossy(received).chars().take(500).collect();
                    Err(BenchError::Refused { call: "publishing".to_owned(), status, body })
                }
                None => Ok(None),
            },
            Self::Redis(_) => redis::acknowledged(received),
            Self::Nats(_) => nats::acknowledged(received),
        }
    }

    /// What a follower says first.
    pub(super) fn follow(&self, follower: u32) -> Vec<u8> {
        match self {
            Self::Flightdeck { site, session } => site.follow(&format!("/agents/{session}/messages/stream?after=0")),
            Self::Nchan(address) => {
                format!("GET /follow HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n").into_bytes()
            }
            Self::Redis(_) => redis::follow("0"),
            Self::Nats(_) => nats::follow(follower),
        }
    }

    /// Whether a follower's stream has begun, as far as the server tells.
    pub(super) fn begun(&self, received: &[u8]) -> bool {
        match self {
            Self::Flightdeck { .. } | Self::Nchan(_) => memmem::find(received, b"\r\n\r\n").is_some(),
            // It says nothing until there is something, and gives everything from the beginning on.
            Self::Redis(_) => true,
            Self::Nats(_) => nats::begun(received),
        }
    }

    /// What a follower says next, having received all this since it spoke last; `None` when it has nothing to say yet.
    ///
    /// # Errors
    /// What came is not what this server sends.
    pub(super) fn next(&self, received: &[u8]) -> Outcome<Option<Vec<u8>>> {
        match self {
            Self::Redis(_) => Ok(redis::last_id(received)?.map(|id| redis::follow(&id))),
            Self::Nats(_) => Ok(nats::pong(received)),
            _ => Ok(None),
        }
    }
}

/// The text as JSON that a follower finds it in.
fn payload(text: &[u8]) -> Vec<u8> {
    [b"{\"content\":\"", text, b"\"}"].concat()
}
