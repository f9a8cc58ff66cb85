//! The body of a hook, in any form.
//!
//! *Invariant: no body is refused.* An agent continues after an answer that is no success, even if it is to be stopped.
//! So what can be read of a body is passed on, with the reason why the rest could not be read.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use flightdeck_agent_io::json;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::outline::Outline;
use super::wired::wired;
use super::{Arrived, Bodies, Cap};
use crate::heavy;
use crate::problem::ApiError;

/// How many bytes after the cap are searched for the session of the hook.
const PASSED_OVER: usize = 240 * 1_048_576;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// The values that name the session and the subject of a hook.
const NAMING: &[&str] = &[
    "session_id",
    "hook_event_name",
    "agent_id",
    "agent_type",
    "tool_name",
    "tool_use_id",
    "prompt_id",
    "cwd",
    "source",
    "reason",
];

/// A body, as far as it could be read.
#[derive(Debug, PartialEq)]
pub(crate) struct HookBody {
    pub(crate) object: Map<String, Value>,
    /// Why a part of it could not be read.
    pub(crate) unread: Option<String>,
}

/// The body of a hook before it is read.
pub(crate) struct Hook(Payload, Data<Bodies>);

impl FromRequest for Hook {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(wired(request).map(|bodies| Self(payload.take(), bodies)))
    }
}

impl Hook {
    /// Reads the body.
    pub(crate) async fn read(self) -> HookBody {
        let Self(payload, bodies) = self;
        let (arrived, fault) = arrive(payload, &bodies).await;
        heavy::work(arrived.kept.len(), move || match fault {
            Some(fault) => arrived.broken_off(fault),
            None => arrived.whole(),
        })
        .await
        .unwrap_or_else(|fault| HookBody { object: Map::new(), unread: Some(format!("it could not be read: {fault}")) })
    }
}

/// The bytes that have arrived, and why no more arrived.
async fn arrive(mut payload: Payload, bodies: &Bodies) -> (Arriving, Option<String>) {
    let mut arriving = Arriving::new(bodies);
    let deadline = tokio::time::sleep(DEADLINE);
    tokio::pin!(deadline);
    loop {
        let chunk = tokio::select! {
            chunk = payload.next() => chunk,
            () = &mut deadline => return (arriving, Some(format!("it took longer than {} s", DEADLINE.as_secs()))),
        };
        match chunk {
            None => return (arriving, None),
            Some(Ok(chunk)) => {
                arriving.take(&chunk);
                if arriving.passed_over > PASSED_OVER {
                    return (arriving, None);
                }
            }
            Some(Err(error)) => return (arriving, Some(format!("it broke off: {error}"))),
        }
    }
}

/// What is known of the beginning of a body.
fn outlined(kept: &[u8]) -> Outline {
    let mut outline = Outline::of(NAMING);
    outline.feed(kept);
    outline
}

/// A body that is arriving.
struct Arriving {
    kept: Arrived,
    passed_over: usize,
    /// What is known of a body that is not kept to its end, and why it is not.
    outline: Option<(Outline, String)>,
}

impl Arriving {
    fn new(bodies: &Bodies) -> Self {
        Self { kept: Arrived::new(bodies, Cap::Hook), passed_over: 0, outline: None }
    }

    fn take(&mut self, chunk: &[u8]) {
        let mut over = chunk;
        if self.outline.is_none() {
            let (kept, rest) = chunk.split_at(chunk.len().min(Cap::Hook.bytes().saturating_sub(self.kept.len())));
            let why = match self.kept.push(kept) {
                Ok(()) if rest.is_empty() => return,
                Ok(()) => {
                    over = rest;
                    format!("it is longer than {} MB", Cap::Hook.bytes() / 1_048_576)
                }
                // What names the hook is looked for all the same, which takes no room.
                Err(error) => error.to_string(),
            };
            self.outline = Some((outlined(&self.kept), why));
        }
        self.passed_over += over.len();
        if let Some((outline, _)) = &mut self.outline {
            outline.feed(over);
        }
    }

    /// The body has arrived completely.
    fn whole(mut self) -> HookBody {
        if let Some((_, why)) = &mut self.outline {
            let why = std::mem::take(why);
            return self.broken_off(why);
        }
        if self.kept.is_empty() {
            return HookBody { object: Map::new(), unread: None };
        }
        match json::read(&self.kept).map(|read| read.value) {
            Ok(Value::Object(object)) => HookBody { object, unread: None },
            Ok(_) => HookBody { object: Map::new(), unread: Some("it is no JSON object".to_owned()) },
            Err(error) => self.broken_off(error.to_string()),
        }
    }

    /// No more can be known than what has arrived.
    fn broken_off(self, why: String) -> HookBody {
        let mut object = json::salvage(&self.kept, &[]);
        let outline = match self.outline {
            Some((outline, _)) => outline,
            None => outlined(&self.kept),
        };
        for (name, value) in outline.found() {
            object.entry(name).or_insert(value);
        }
        if !object.contains_key("session_id") {
            // Broken so early that nothing tells the levels apart.
            object = json::salvage(&self.kept, NAMING);
        }
        HookBody { object, unread: Some(why) }
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_agent_io::mutants::{Numbers, mutant};
    use serde_json::json;

    use super::*;
    use crate::extract::BodyLimits;

    fn arrived(bytes: &[u8]) -> HookBody {
        arrived_within(BodyLimits::default(), bytes)
    }

    fn arrived_within(limits: BodyLimits, bytes: &[u8]) -> HookBody {
        let bodies = Bodies::new(limits);
        let mut arriving = Arriving::new(&bodies);
        bytes.chunks(60_000).for_each(|chunk| arriving.take(chunk));
        arriving.whole()
    }

    #[test]
    fn a_body_is_read_leniently() {
        let body = arrived(br#"{"session_id":"s","tool_input":{"command":"deploy # \udc1d"}}"#);
        assert_eq!((body.object["tool_input"]["command"].as_str(), body.unread), (Some("deploy # \u{fffd}"), None));
        let deep = format!(r#"{{"x":{}{},"session_id":"s"}}"#, "[".repeat(9_000), "]".repeat(9_000));
        let body = arrived(deep.as_bytes());
        assert_eq!((&body.object["session_id"], body.unread), (&json!("s"), None));
    }

    #[test]
    fn of_a_body_that_breaks_off_the_rest_is_known() {
        let body = arrived(br#"{"session_id":"s","hook_event_name":"PreToolUse","tool_input":{"comm"#);
        assert_eq!((&body.object["session_id"], &body.object["hook_event_name"]), (&json!("s"), &json!("PreToolUse")));
        assert!(body.unread.is_some());
        for nonsense in [&b"[1]"[..], b"hello", b"\xff\xfe", b"null"] {
            let body = arrived(nonsense);
            assert_eq!((body.object.len(), body.unread.is_some()), (0, true));
        }
    }

    #[test]
    fn of_a_body_that_is_too_long_what_names_it_is_known_wherever_it_stands() {
        let long = "x".repeat(Cap::Hook.bytes() + 1_000);
        let body = arrived(
            format!(r#"{{"session_id":"s","tool_input":{{"agent_id":"no","c":"{long}"}},"hook_event_name":"PreToolUse","tool_use_id":"t"}}"#)
                .as_bytes(),
        );
        assert_eq!(body.unread.as_deref(), Some("it is longer than 16 MB"));
        let named = ["session_id", "hook_event_name", "tool_use_id"].map(|name| body.object[name].as_str());
        assert_eq!(named, [Some("s"), Some("PreToolUse"), Some("t")]);
        assert!(!body.object.contains_key("agent_id"), "it is one of the tool's input");
    }

    /// Where there is no room for a body, it is known whose hook it is, and so whether it has to be denied.
    #[test]
    fn of_a_body_that_has_no_room_what_names_it_is_known() {
        let long = "x".repeat(200_000);
        let body = format!(
            r#"{{"session_id":"s","tool_input":{{"agent_id":"no","c":"{long}"}},"hook_event_name":"PreToolUse","tool_use_id":"t"}}"#
        );
        for agents in [0, 70_000, 150_000] {
            let body = arrived_within(BodyLimits { agents, ..BodyLimits::default() }, body.as_bytes());
            assert!(body.unread.as_deref().is_some_and(|why| why.contains("as many request bodies as it may")));
            let named = ["session_id", "hook_event_name", "tool_use_id"].map(|name| body.object[name].as_str());
            assert_eq!(named, [Some("s"), Some("PreToolUse"), Some("t")]);
            assert!(!body.object.contains_key("agent_id"), "it is one of the tool's input");
        }
    }

    /// What names a hook stands at its begin, so hardly any fault hides whose it is.
    #[test]
    fn a_spoilt_body_is_read_or_said_not_to_be() {
        let body = br#"{"session_id":"claude-1","hook_event_name":"PreToolUse","cwd":"/home/ana/shop","tool_name":"Bash","tool_input":{"command":"echo '\u00e9 \ud83d\ude00' && ls","list":[1,[2,{"a":null}]]},"tool_use_id":"toolu_1"}"#;
        let mut numbers = Numbers::new(29);
        let (mut read, mut known) = (0, 0);
        for _ in 0..10_000 {
            let spoilt = mutant(body, &mut numbers);
            let arrived = arrived(&spoilt);
            let text = String::from_utf8_lossy(&spoilt);
            assert_eq!(arrived.unread.is_none(), spoilt.is_empty() || json::read(&spoilt).is_ok(), "{text}");
            let named = text.trim_start_matches('\u{feff}').starts_with(r#"{"session_id":"claude-1","#);
            let is_known = arrived.object.get("session_id").is_some_and(|id| id == "claude-1");
            assert!(is_known || !named || text.matches("session_id").count() > 1, "{text}");
            read += usize::from(arrived.unread.is_none());
            known += usize::from(is_known);
        }
        assert!(read > 3_000 && known > 7_000, "{read} are read, of {known} it is known whose they are");
    }
}
