//! Arguments that several commands take.

use std::time::Duration;

use clap::Args;
use flightdeck_client::ServerFlags;
use flightdeck_settings::parse_duration;

use crate::error::CommandError;

/// Whom to ask, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    /// tell it as JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// One session of a command's arguments.
#[derive(Debug, Args)]
pub(crate) struct SessionId {
    /// a session: its id, or a part that only one begins or ends with
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

/// Several sessions of a command's arguments.
#[derive(Debug, Args)]
pub(crate) struct SessionIds {
    /// sessions: their ids, or parts that only one begins or ends with
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}

/// Why something is done.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// why, for the audit log and the agent
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Whether a person is asked first.
#[derive(Debug, Args)]
pub(crate) struct Unasked {
    /// do not ask first
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// How long a command waits for its effect, by `--wait`.
///
/// # Errors
/// It is no time, or longer than an hour.
pub(crate) fn wait(text: &str) -> Result<Duration, CommandError> {
    let wait = parse_duration(text).filter(|wait| *wait <= Duration::from_hours(1));
    wait.ok_or_else(|| {
        CommandError::Usage(format!("--wait: {text:?} is not a time up to 60m, such as 500ms, 10s or 2m"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_time() {
        assert_eq!(wait("500ms").expect("valid"), Duration::from_millis(500));
        assert_eq!(wait("2m").expect("valid"), Duration::from_mins(2));
        assert_eq!(wait("1h").expect("valid"), Duration::from_hours(1));
        assert_eq!(wait("0s").expect("valid"), Duration::ZERO);
        for wrong in ["", "5", "s", "61m", "2h"] {
            assert!(wait(wrong).is_err(), "{wrong}");
        }
    }
}
