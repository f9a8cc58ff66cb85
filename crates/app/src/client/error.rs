//! What can go wrong between the command line and a server, and what the command ends with.

use std::error::Error;
use std::path::PathBuf;

/// Why a command did not do what it was to do. Each has an exit code that scripts can rely on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "no server answers at {base}; start one with `flightdeck serve`, or say where it is with --url or FLIGHTDECK_URL"
    )]
    Unreachable { base: String, source: Box<dyn Error + Send + Sync> },
    #[error("{detail}")]
    Refused { status: u16, detail: String },
    /// Nothing was done; after so many seconds the same call may be.
    #[error("{detail}")]
    TooEarly { status: u16, retry_after: u64, detail: String },
    #[error("the answer of {base} is not one of Flightdeck; is something else listening there?")]
    NotFlightdeck { base: String, source: Box<dyn Error + Send + Sync> },
    #[error("there is no key: FLIGHTDECK_API_KEY is not set, and {0} cannot be read")]
    NoKey(PathBuf),
    #[error("the key of this machine's data folder is not sent to {0}; set FLIGHTDECK_API_KEY to a key of that server")]
    ForeignKey(String),
    #[error("{given:?} fits {found}; give more of it")]
    Ambiguous { given: String, found: String },
    #[error("no {what} fits {given:?}")]
    Unknown { what: &'static str, given: String },
    #[error("{0}")]
    NotSeen(String),
    #[error("{0}")]
    NotDone(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Unproven(String),
}

impl ClientError {
    /// What the command ends with; the table is in `docs/cli.md`.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::NotFlightdeck { .. } => 3,
            Self::NoKey(_) | Self::ForeignKey(_) => 4,
            Self::Ambiguous { .. } | Self::Unknown { .. } => 5,
            Self::NotDone(_) => 6,
            Self::NotSeen(_) => 7,
            Self::Unproven(_) => 1,
            Self::TooEarly { .. } => 8,
            Self::Refused { status, .. } => match *status {
                400 | 413 | 415 => 2,
                401 | 403 => 4,
                404 => 5,
                409 | 410 | 422 => 6,
                429 | 503 => 8,
                _ => 1,
            },
        }
    }

    /// Whether the same request may be answered otherwise in a moment.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Refused { status: 502..=504, .. } | Self::TooEarly { status: 503, .. }
        )
    }
}
