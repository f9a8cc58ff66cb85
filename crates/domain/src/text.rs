//! Texts that are never empty and never too long.

mod json;

use std::fmt;

pub use json::JsonObject;
use serde::{Deserialize, Serialize};

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// It has only white space.
    #[error("must not be empty")]
    Empty,
    /// It is longer than the field allows.
    #[error("is too long: {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// The given length, in bytes of UTF-8.
        length: usize,
        /// The allowed length, in bytes of UTF-8.
        limit: usize,
    },
    /// It has a control character, which a terminal could not show safely.
    #[error("contains a control character; names are single lines of text")]
    Control,
    /// U+0000, which PostgreSQL cannot hold.
    #[error("contains the character U+0000, which no text can hold; leave it out")]
    Nul,
}

fn check(text: &str, limit: usize, single_line: bool) -> Result<(), InvalidText> {
    if text.trim().is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.len() > limit {
        return Err(InvalidText::TooLong { length: text.len(), limit });
    }
    if single_line && text.chars().any(char::is_control) {
        return Err(InvalidText::Control);
    }
    if text.contains('\0') {
        return Err(InvalidText::Nul);
    }
    Ok(())
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $limit:expr, single_line: $single:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest value, in bytes of UTF-8.
            pub const LIMIT: usize = $limit;

            /// Checks and wraps a text.
            ///
            /// # Errors
            /// The text is empty, too long, or (for names) has control characters.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidText> {
                let text = text.into();
                check(&text, Self::LIMIT, $single).map(|()| Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, InvalidText> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text! {
    /// The work item that a session is about, in the words of its source.
    TaskId, 200, single_line: true
}
text! {
    /// Where work items come from: `manual`, `github`, `queue` …
    TaskSource, 100, single_line: true
}
text! {
    /// A model or a mode, by the name that an agent itself has for it.
    ChoiceName, 200, single_line: true
}
text! {
    /// What kind of agent it is: `worker`, `reviewer`, `tester` …
    AgentType, 100, single_line: true
}
text! {
    /// The provider that runs a session: `internal`, `scripted`, `acp`, `claude-code`.
    ProviderName, 50, single_line: true
}
text! {
    /// The id under which the provider itself knows the session.
    ProviderSessionId, 200, single_line: true
}
text! {
    /// One of several servers that share a database.
    ReplicaName, 200, single_line: true
}
text! {
    /// Groups sessions across trees.
    MissionId, 200, single_line: true
}
text! {
    /// The quality gate profile that the agent's work must pass.
    GateProfile, 100, single_line: true
}
text! {
    /// Why something happened or was asked for, in a sentence.
    Reason, 2_000, single_line: false
}
text! {
    /// What an agent asks permission for.
    ApprovalTitle, 500, single_line: true
}
text! {
    /// The text of one message.
    ///
    /// ```
    /// use flightdeck_domain::text::{InvalidText, MessageContent};
    ///
    /// let words: MessageContent = "two\nlines".parse().expect("neither empty nor too long");
    /// assert_eq!(words.as_str(), "two\nlines");
    /// assert_eq!(MessageContent::new(" "), Err(InvalidText::Empty));
    /// ```
    MessageContent, 1_048_576, single_line: false
}
text! {
    /// The name that people gave a key.
    KeyName, 100, single_line: true
}
text! {
    /// Names one request in logs, answers and on the audit log.
    RequestId, 100, single_line: true
}

text! {
    /// Names one control call, so that it is done once, however often it is sent.
    IdempotencyKey, 200, single_line: true
}

/// A word that is not a gate profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no gate profile; use {known}", known = GateProfile::KNOWN.join(", "))]
pub struct UnknownGateProfile(pub String);

impl GateProfile {
    /// The profiles that a session may be given. Stores can have others, from before the set was closed.
    pub const KNOWN: [&'static str; 4] = ["strict", "standard", "minimal", "custom"];

    /// Reads a profile that a session is to be given.
    ///
    /// ```
    /// use flightdeck_domain::text::GateProfile;
    ///
    /// assert_eq!(GateProfile::known("strict").expect("known").as_str(), "strict");
    /// assert!(GateProfile::known("Strict").is_err());
    /// ```
    ///
    /// # Errors
    /// It is none of [`GateProfile::KNOWN`].
    pub fn known(word: &str) -> Result<Self, UnknownGateProfile> {
        let known = Self::KNOWN.contains(&word);
        if known { Ok(Self(word.to_owned())) } else { Err(UnknownGateProfile(word.to_owned())) }
    }
}

impl Default for TaskSource {
    /// `manual`: a person asked for it.
    fn default() -> Self {
        Self("manual".to_owned())
    }
}

impl From<uuid::Uuid> for RequestId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.to_string())
    }
}

impl ProviderName {
    /// The agent runs elsewhere and reports over HTTP.
    #[must_use]
    pub fn internal() -> Self {
        Self("internal".to_owned())
    }

    /// The agent is Claude Code, and reports through its hooks.
    #[must_use]
    pub fn claude_code() -> Self {
        Self("claude-code".to_owned())
    }

    /// The agent is played from a script, in the server's own process.
    #[must_use]
    pub fn scripted() -> Self {
        Self("scripted".to_owned())
    }

    /// The agent is run by a runner, a process of its own that is connected to the server.
    #[must_use]
    pub fn runner() -> Self {
        Self("runner".to_owned())
    }

    /// The agent is a child process of the server and speaks the Agent Client Protocol.
    #[must_use]
    pub fn acp() -> Self {
        Self("acp".to_owned())
    }
}

impl ProviderSessionId {
    /// The conversation that the context of a session takes up, by the agent's own id; `None` for a new one.
    #[must_use]
    pub fn resumed(context: &JsonObject) -> Option<Self> {
        Self::new(context.as_map().get("resume")?.as_str()?).ok()
    }
}

impl ApprovalTitle {
    /// Makes a title from an agent's text: on one line, and cut if it is too long.
    #[must_use]
    pub fn shortened(text: &str) -> Self {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(Self::LIMIT / 4).collect();
        let line = line.trim();
        Self(if line.is_empty() { "something that has no name".to_owned() } else { line.to_owned() })
    }
}

impl MessageContent {
    /// Wraps a text that the domain itself wrote.
    pub(crate) const fn trusted(text: String) -> Self {
        Self(text)
    }
}

impl Reason {
    /// Makes a reason from a program's text: cut if it is too long, and without characters that no text can hold.
    #[must_use]
    pub fn shortened(text: &str) -> Self {
        let held = |c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c };
        let short: String = text.trim().chars().map(held).take(Self::LIMIT / 4).collect();
        Self(if short.is_empty() { "no reason was given".to_owned() } else { short })
    }

    /// Wraps a text that the domain itself wrote.
    pub(crate) const fn trusted(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_lines_that_say_something() {
        assert_eq!(TaskId::new(" \t"), Err(InvalidText::Empty));
        assert_eq!(TaskId::new("a\u{1b}[2J"), Err(InvalidText::Control));
        assert_eq!(TaskId::new("x".repeat(201)), Err(InvalidText::TooLong { length: 201, limit: 200 }));
        assert_eq!(TaskId::new("FD-12").map(String::from), Ok("FD-12".to_owned()));
    }

    #[test]
    fn content_may_have_lines() {
        assert!(MessageContent::new("a\nb").is_ok());
        assert_eq!(MessageContent::new("\n \n"), Err(InvalidText::Empty));
        assert_eq!(MessageContent::new("a\0b"), Err(InvalidText::Nul));
    }

    #[test]
    fn whatever_a_program_says_becomes_a_reason_and_a_title() {
        for text in ["", " \n", "x", &"\u{1F600}\n".repeat(10_000)] {
            let (reason, title) = (Reason::shortened(text), ApprovalTitle::shortened(text));
            assert_eq!(Reason::new(reason.as_str()), Ok(reason.clone()), "{text:?}");
            assert_eq!(ApprovalTitle::new(title.as_str()), Ok(title.clone()), "{text:?}");
        }
    }
}
