//! What can go wrong with a command, and what it ends with.

use std::error::Error;

use flightdeck_client::ClientError;
use flightdeck_terminal::Exit;

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
            Self::Unproven(_) => Exit::Failed,
        }
    }
}

const fn of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Unreachable { .. } | ClientError::NotFlightdeck { .. } => Exit::NoServer,
        ClientError::NoKey(_) | ClientError::ForeignKey(_) => Exit::NoAccess,
        ClientError::TooEarly { .. } => Exit::NotNow,
        ClientError::Settings(_) => Exit::Failed,
        ClientError::Refused { status, .. } => match *status {
            400 | 413 | 415 => Exit::Usage,
            401 | 403 => Exit::NoAccess,
            404 => Exit::NoMatch,
            409 | 410 | 422 => Exit::Refused,
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
