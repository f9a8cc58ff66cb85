//! How a command comes to its end, and what is said of it.

use std::time::Duration;

use flightdeck_processes::{Ended, Exit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// How long a command that is to stop may take before it is killed, and how long what it wrote last may take to be read.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// A signal that asks this command to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) number: i32,
    /// What has happened, as the reason of an end.
    pub(super) why: &'static str,
}

const SIGNALS: [Asked; 4] = [
    Asked { number: 1, why: "its terminal was closed (SIGHUP)" },
    Asked { number: 2, why: "interrupted at its terminal (SIGINT)" },
    Asked { number: 3, why: "quit at its terminal (SIGQUIT)" },
    Asked { number: 15, why: "flightdeck run was asked to end (SIGTERM)" },
];

/// The signals that come from now on. None of them ends this process by itself any more, so that the session ends first.
pub(super) fn signals() -> mpsc::UnboundedReceiver<Asked> {
    let (tell, asked) = mpsc::unbounded_channel();
    let ignored = ignored();
    for signal_ in SIGNALS {
        // Whoever started this with `nohup` wants it to go on.
        let is_ignored = ignored & (1_u64 << (signal_.number - 1)) != 0;
        if !is_ignored && let Ok(signal) = signal(SignalKind::from_raw(signal_.number)) {
            tokio::spawn(pass_on(signal, signal_, tell.clone()));
        }
    }
    // As long as this is held the channel is open, whichever signals are ignored.
    tokio::spawn(async move { tell.closed().await });
    asked
}

async fn pass_on(mut signal: Signal, asked: Asked, tell: mpsc::UnboundedSender<Asked>) {
    while signal.recv().await.is_some() && tell.send(asked).is_ok() {}
}

/// The signals that this process was started to ignore, a bit each; none where the system does not say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// The end of a session, and of this command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) status: &'static str,
    pub(super) reason: String,
    pub(super) code: i32,
}

impl End {
    /// The command was not run, or could not be attended to.
    pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            reason = format!("{reason}: {next}");
            cause = next.source();
        }
        Self { status: "failed", reason, code: 1 }
    }

    /// It was asked to end before there was a command.
    pub(super) fn before(asked: Asked) -> Self {
        Self { status: "failed", reason: format!("{}, before it began", asked.why), code: 128 + asked.number }
    }

    /// The command has ended.
    pub(super) fn of(ended: Ended, asked: Option<Asked>, was_killed: bool) -> Self {
        let exit = ended.exit.to_string();
        let (status, reason) = match (ended.exit, asked) {
            _ if was_killed => ("killed", format!("killed by an operator ({exit})")),
            (_, Some(asked)) => ("failed", format!("{} ({exit})", asked.why)),
            (Exit::Code(0), None) => ("completed", exit),
            _ => ("failed", exit),
        };
        let code = match ended.exit {
            Exit::Code(code) => code,
            // As a shell says it.
            Exit::Signal(signal) => 128 + signal,
            Exit::Unknown => 1,
        };
        Self { status, reason, code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_with_its_reason() {
        let ended = |exit| Ended { exit, limit: None, clean: true };
        let told = |exit, asked, killed| {
            let End { status, reason, code } = End::of(ended(exit), asked, killed);
            (status, reason, code)
        };
        assert_eq!(told(Exit::Code(0), None, false), ("completed", "exit code 0".to_owned(), 0));
        assert_eq!(told(Exit::Code(3), None, false), ("failed", "exit code 3".to_owned(), 3));
        assert_eq!(told(Exit::Signal(15), None, true).0, "killed");
        let hung = told(Exit::Signal(15), Some(SIGNALS[0]), false);
        assert_eq!(hung, ("failed", "its terminal was closed (SIGHUP) (signal 15)".to_owned(), 143));
        assert_eq!(End::before(SIGNALS[1]).code, 130);
        let error = std::io::Error::other("no room");
        assert_eq!(End::failed(&error).reason, "no room");
    }
}
