//! From where the usage of a session is counted.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::ids::{MessageId, SessionId};
use crate::message::Message;
use crate::session::Session;
use crate::text::{JsonObject, ProviderName};

/// Whether a session reports its usage and its tool calls in another way whatever happens: what runs it does, or its
/// metadata has `"telemetry": "off"`.
#[must_use]
pub fn is_reported_elsewhere(session: &Session) -> bool {
    session.provider != ProviderName::internal()
        || session.metadata.as_map().get("telemetry").and_then(Value::as_str) == Some("off")
}

/// From where the usage of a session is counted that Flightdeck does not run. It is decided when the first telemetry of
/// usage comes, and kept as a message whose id follows from the session: the first one stands, and the store refuses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From its telemetry.
    Telemetry,
    /// From the usage that it reports with its messages.
    Messages,
}

/// The member of the metadata with the source.
const KEY: &str = "usageFrom";

impl Source {
    /// The source of a session, for which so many reports of usage have been booked before.
    #[must_use]
    pub const fn first(reports: u64) -> Self {
        if reports == 0 { Self::Telemetry } else { Self::Messages }
    }

    /// The other source.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Telemetry => Self::Messages,
            Self::Messages => Self::Telemetry,
        }
    }

    /// The id of the message that keeps the source.
    #[must_use]
    pub fn id(session: SessionId) -> MessageId {
        MessageId::new(Uuid::new_v5(session.as_uuid(), b"telemetry/source"))
    }

    /// The source that some of the session's messages keep.
    #[must_use]
    pub fn kept<'a>(session: SessionId, messages: impl IntoIterator<Item = &'a Message>) -> Option<Self> {
        let kept = messages.into_iter().find(|message| message.id == Self::id(session))?;
        match kept.metadata.as_map().get(KEY)?.as_str()? {
            "telemetry" => Some(Self::Telemetry),
            "messages" => Some(Self::Messages),
            _ => None,
        }
    }

    /// What is said of it in the conversation.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Telemetry => "What this session uses is counted from its telemetry.",
            Self::Messages => "What this session uses is counted from its messages, not from its telemetry.",
        }
    }

    /// The metadata of the message that keeps it.
    #[must_use]
    pub fn metadata(self) -> JsonObject {
        let word = match self {
            Self::Telemetry => "telemetry",
            Self::Messages => "messages",
        };
        JsonObject::trusted(json!({"type": "telemetry", KEY: word}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{new_message, session, session_id};
    use crate::ids::Seq;

    #[test]
    fn what_flightdeck_runs_is_counted_by_what_runs_it() {
        assert!(!is_reported_elsewhere(&session(1)));
        for provider in
            [ProviderName::acp(), ProviderName::claude_code(), ProviderName::scripted(), ProviderName::runner()]
        {
            assert!(is_reported_elsewhere(&Session { provider, ..session(1) }));
        }
        let told = |word: &str| JsonObject::trusted(json!({"telemetry": word}));
        assert!(is_reported_elsewhere(&Session { metadata: told("off"), ..session(1) }));
        assert!(!is_reported_elsewhere(&Session { metadata: told("on"), ..session(1) }));
    }

    #[test]
    fn the_source_is_found_again_in_its_message() {
        for source in [Source::Telemetry, Source::Messages] {
            let kept = crate::message::NewMessage {
                id: Source::id(session_id(1)),
                metadata: source.metadata(),
                ..new_message(1)
            };
            let kept = kept.at_seq(Seq::new(1), session_id(1), ProviderName::internal());
            assert_eq!(Source::kept(session_id(1), [&kept]), Some(source));
            assert_eq!(Source::kept(session_id(2), [&kept]), None);
        }
        assert_eq!((Source::first(0), Source::first(1)), (Source::Telemetry, Source::Messages));
    }
}
