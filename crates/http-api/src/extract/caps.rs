//! The largest body of each kind of route, in one table.

use super::bodies::Share;

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

/// The largest body of one kind of route, and the share of all bodies that it counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cap {
    /// `POST /login`: a key has less than 200 bytes.
    Login,
    /// Calls that stop or hold agents: kill, kill-all, the release of the kill switch, pause and interrupt. They carry
    /// only a reason.
    Stop,
    /// The other control calls: resume, close, budgets, and taking a command back.
    Control,
    /// The decision of a permission request, with at most 16 KiB of answers.
    Decide,
    /// A message to an agent.
    Inject,
    /// Short reports of agents: a status, a receipt.
    Report,
    /// A session with its context and metadata, or a permission request with its detail.
    Session,
    /// Messages, whole or not at all.
    Append,
    /// Messages line by line: the largest amount of them in memory at once.
    Lines,
    /// Telemetry, as it comes; packed or not.
    Telemetry,
    /// A hook: this much of it is kept, and the rest is searched without being kept.
    Hook,
}

impl Cap {
    /// The cap in bytes.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Login => 4 * KIB,
            // 2,000 characters, each of at most 12 bytes when escaped.
            Self::Stop | Self::Control | Self::Report => 64 * KIB,
            Self::Decide => 256 * KIB,
            Self::Inject | Self::Session | Self::Append | Self::Telemetry => 4 * MIB,
            Self::Hook => 16 * MIB,
            // A line of 64 MiB, what arrived with it, and the beginning of the next.
            Self::Lines => 72 * MIB,
        }
    }

    pub(super) const fn share(self) -> Share {
        match self {
            Self::Login => Share::Strangers,
            Self::Stop => Share::Stops,
            Self::Control | Self::Decide | Self::Inject => Share::Operators,
            Self::Report | Self::Session | Self::Append | Self::Telemetry | Self::Lines | Self::Hook => Share::Agents,
        }
    }
}
