//! An error as programs read it.

use std::error::Error;

use serde::Serialize;

use crate::exit::Exit;
use crate::output::note;
use crate::safe::json_line;

/// Why a command failed: one JSON object on one line of the standard error. `docs/cli.md` lists the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// What kind of failure it is ([`Exit::word`]).
    pub error: &'static str,
    /// What went wrong, in a sentence.
    pub message: String,
    /// The code that the process ends with.
    pub exit_code: u8,
    /// The HTTP status of the server's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The `type` of the server's problem (RFC 9457).
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// After how many seconds the server may do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The causes, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}

impl Fault {
    /// A failure that consists of these words alone.
    #[must_use]
    pub fn new(exit: Exit, message: &str) -> Self {
        Self {
            error: exit.word(),
            message: message.to_owned(),
            exit_code: exit.code(),
            status: None,
            kind: None,
            retry_after: None,
            because: Vec::new(),
        }
    }

    /// An error with all its causes.
    #[must_use]
    pub fn of(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        let mut fault = Self::new(exit, &error.to_string());
        let mut cause = error.source();
        while let Some(next) = cause {
            fault.because.push(next.to_string());
            cause = next.source();
        }
        fault
    }

    /// Writes it to the standard error.
    pub fn tell(&self) {
        note(&json_line(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("outer\u{1b}")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_fault_has_its_causes_and_its_code_and_is_harmless() {
        let error = Outer(std::io::Error::other("inner"));
        assert_eq!(
            json_line(&Fault::of(Exit::NoServer, &error)),
            r#"{"error":"no_server","message":"outer\u001b","exitCode":3,"because":["inner"]}"#
        );
        let refused =
            Fault { status: Some(409), kind: Some("urn:x".to_owned()), ..Fault::new(Exit::Refused, "it has ended") };
        assert_eq!(
            json_line(&refused),
            r#"{"error":"refused","message":"it has ended","exitCode":6,"status":409,"type":"urn:x"}"#
        );
    }
}
