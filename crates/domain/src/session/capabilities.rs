//! What the provider of a session can do.

/// Where a provider can pause an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseCapability {
    /// At the end of the current turn or step.
    Turn,
    /// At any instruction.
    Freeze,
}

/// What a provider can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent abilities, each a plain yes or no")]
pub struct Capabilities {
    /// Where it can pause; `None` when it cannot.
    pub pause: Option<PauseCapability>,
    /// Whether it delivers a message into the current turn.
    pub steer: bool,
    /// Whether it holds a message for the next turn.
    pub queue: bool,
    /// Whether it takes another model or mode to an agent at work. The agent may still refuse one.
    pub configure: bool,
    /// Whether its agents wait for the decision of their permission requests.
    pub approve: bool,
    /// Whether it starts agents; otherwise they only report to it.
    pub spawn: bool,
    /// Whether its agents live in this process and die with it.
    pub in_process: bool,
}
