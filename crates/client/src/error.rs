//! What can go wrong between a program and a server.

use std::error::Error;
use std::path::PathBuf;

use flightdeck_settings::SettingsError;

/// Why there is no answer, or not the one that was wished for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers, or the answer is cut.
    #[error(
        "no server answers at {base}; start one with `flightdeck serve`, or say where it is with --url or FLIGHTDECK_URL"
    )]
    Unreachable {
        /// The address of the server.
        base: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What names the server is not a URL.
    #[error("{origin}: {value:?} is not the URL of a server; it begins with http:// or https://, as in {example}")]
    Url {
        /// What names the server: a flag, a variable or a file.
        origin: String,
        /// The value.
        value: String,
        /// The right form, of this value where that can be told.
        example: String,
    },
    /// The server refuses.
    #[error("{detail}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The kind of the problem (RFC 9457); empty where the answer names none.
        kind: String,
        /// What the server says.
        detail: String,
    },
    /// Nothing was done; after so many seconds the same call may be.
    #[error("{detail}")]
    TooEarly {
        /// The status of the answer.
        status: u16,
        /// The kind of the problem (RFC 9457); empty where the answer names none.
        kind: String,
        /// When to ask again, in seconds.
        retry_after: u64,
        /// What the server says.
        detail: String,
    },
    /// Something else answers.
    #[error("the answer of {base} is not one of Flightdeck; is something else listening there?")]
    NotFlightdeck {
        /// The address.
        base: String,
        /// What is wrong with the answer.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no key in the environment, and none in the data folder.
    #[error("there is no key: FLIGHTDECK_API_KEY is not set, and {0} cannot be read")]
    NoKey(PathBuf),
    /// There is no key in the environment, and the one of the data folder stays on this machine.
    #[error("the key of this machine's data folder is not sent to {0}; set FLIGHTDECK_API_KEY to a key of that server")]
    ForeignKey(String),
    /// The settings say where the server is, and cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl ClientError {
    /// Whether the same request may be answered otherwise in a moment.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Refused { status: 502..=504, .. } | Self::TooEarly { status: 503, .. }
        )
    }
}
