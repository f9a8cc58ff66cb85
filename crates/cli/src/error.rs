//! What can go wrong with a command, and what it ends with.

use std::error::Error;

use flightdeck_client::ClientError;
use flightdeck_terminal::{Exit, Fault};

/// Why a command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The server was not found, did not answer, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A part of an id fits several.
    #[error("{given:?} fits {found}; give more of it")]
    Ambiguous {
        /// The part.
        given: String,
        /// What it fits.
        found: String,
    },
    /// A part of an id fits none.
    #[error("no {what} fits {given:?}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// The part.
        given: String,
    },
    /// It was asked for, and not seen in time.
    #[error("{0}")]
    NotSeen(String),
    /// A rule or a person is against it.
    #[error("{0}")]
    NotDone(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The server is older than the command and does not have what it needs: what it cannot do.
    #[error("this server is older than this command and {0}; update the server")]
    OlderServer(&'static str),
    /// A proof failed.
    #[error("{0}")]
    Unproven(String),
}

impl CommandError {
    /// What the command ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => of_client(error),
            Self::Usage(_) => Exit::Usage,
            Self::Ambiguous { .. } | Self::Unknown { .. } => Exit::NoMatch,
            Self::NotDone(_) => Exit::Refused,
            Self::NotSeen(_) => Exit::NotSeen,
            Self::OlderServer(_) | Self::Unproven(_) => Exit::Failed,
        }
    }
}

const fn of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Unreachable { .. } | ClientError::NotFlightdeck { .. } => Exit::NoServer,
        ClientError::NoKey(_) | ClientError::ForeignKey(_) => Exit::NoAccess,
        ClientError::TooEarly { .. } => Exit::NotNow,
        ClientError::Settings(_) => Exit::Failed,
        ClientError::Url { .. } => Exit::Usage,
        ClientError::Refused { status, .. } => match *status {
            400 | 413 | 415 => Exit::Usage,
            401 | 403 => Exit::NoAccess,
            404 => Exit::NoMatch,
            409 | 410 | 412 | 422 | 428 => Exit::Refused,
            429 | 503 => Exit::NotNow,
            _ => Exit::Failed,
        },
    }
}

/// What a command ends with that failed so, where that follows from what a server said or did not say.
#[must_use]
pub fn exit_of(error: &(dyn Error + Send + Sync + 'static)) -> Option<Exit> {
    let of_command = error.downcast_ref::<CommandError>().map(CommandError::exit);
    of_command.or_else(|| error.downcast_ref::<ClientError>().map(of_client))
}

/// The same for programs: what went wrong, with what the server said of it.
#[must_use]
pub fn fault_of(exit: Exit, error: &(dyn Error + Send + Sync + 'static)) -> Fault {
    let fault = Fault::of(exit, error);
    let of_command = match error.downcast_ref::<CommandError>() {
        Some(CommandError::Client(error)) => Some(error),
        _ => None,
    };
    let named = |kind: &String| Some(kind.clone()).filter(|kind| !kind.is_empty());
    match of_command.or_else(|| error.downcast_ref::<ClientError>()) {
        Some(ClientError::Refused { status, kind, .. }) => Fault { status: Some(*status), kind: named(kind), ..fault },
        Some(ClientError::TooEarly { status, kind, retry_after, .. }) => {
            Fault { status: Some(*status), kind: named(kind), retry_after: Some(*retry_after), ..fault }
        }
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_the_server_said() {
        let kind = "urn:flightdeck:problem:conflict".to_owned();
        let refused = ClientError::Refused { status: 409, kind: kind.clone(), detail: "it has ended".to_owned() };
        let errors: [Box<dyn Error + Send + Sync>; 2] = [
            Box::new(CommandError::Client(refused)),
            Box::new(ClientError::Refused { status: 409, kind: kind.clone(), detail: "it has ended".to_owned() }),
        ];
        for error in errors {
            let exit = exit_of(error.as_ref()).expect("known");
            let fault = fault_of(exit, error.as_ref());
            assert_eq!((fault.error, fault.exit_code, fault.status), ("refused", 6, Some(409)));
            assert_eq!((fault.message.as_str(), fault.kind.as_ref()), ("it has ended", Some(&kind)));
        }
        let early = ClientError::TooEarly { status: 429, kind: String::new(), retry_after: 60, detail: String::new() };
        let fault = fault_of(Exit::NotNow, &early);
        assert_eq!((fault.status, fault.kind, fault.retry_after), (Some(429), None, Some(60)));
    }

    #[test]
    fn a_url_without_a_scheme_is_a_mistake_of_the_command_line() {
        let (origin, value) = ("--url".to_owned(), "localhost:7600".to_owned());
        let error = ClientError::Url { origin, value, example: "http://localhost:7600".to_owned() };
        assert_eq!(exit_of(&error), Some(Exit::Usage));
    }
}
