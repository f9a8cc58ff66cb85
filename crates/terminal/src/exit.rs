//! What commands end with.

use std::process::ExitCode;

/// How a command ends. Scripts rely on the numbers; `docs/cli.md` lists those that an operator meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The effect was seen.
    Done,
    /// Something else went wrong, or a proof failed.
    Failed,
    /// The command line, or a value in it, is wrong.
    Usage,
    /// No server answers.
    NoServer,
    /// There is no key, or the key is not good, or it may not do this.
    NoAccess,
    /// Nothing fits the id, or more than one thing does.
    NoMatch,
    /// A rule or a person is against it.
    Refused,
    /// It was asked for, and was not seen within the time that the command waits.
    NotSeen,
    /// It may be done later: a throttle, or a store that is away.
    NotNow,
    /// A hook blocks what its agent is about to do. The number is Claude Code's.
    HookBlocks,
    /// A worker of the server panicked too often: "internal software error" of `sysexits.h` tells a supervisor that no
    /// setting is at fault.
    WorkerLost,
    /// A wrapped command ended with this code, and so does `flightdeck run`.
    OfCommand(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage | Self::HookBlocks => 2,
            Self::NoServer => 3,
            Self::NoAccess => 4,
            Self::NoMatch => 5,
            Self::Refused => 6,
            Self::NotSeen => 7,
            Self::NotNow => 8,
            Self::WorkerLost => 70,
            Self::OfCommand(code) => code,
        }
    }

    /// The same in a word, for programs that read errors. Words stay the same over versions, as the numbers do.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NoServer => "no_server",
            Self::NoAccess => "no_access",
            Self::NoMatch => "no_match",
            Self::Refused => "refused",
            Self::NotSeen => "not_seen",
            Self::NotNow => "not_now",
            Self::HookBlocks => "hook_blocks",
            Self::WorkerLost => "worker_lost",
            Self::OfCommand(_) => "of_command",
        }
    }

    /// Ends the process here. What is in memory is not dropped.
    pub fn end(self) -> ! {
        std::process::exit(self.code().into())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
