//! The names of audited actions.

use serde::{Deserialize, Serialize};

/// The name of an audited action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionName {
    /// A message was injected.
    Inject,
    /// A pause was asked for.
    Pause,
    /// A resume was asked for.
    Resume,
    /// An interrupt was asked for.
    Interrupt,
    /// An injected message was taken back.
    CommandCancel,
    /// Another model or mode was asked for.
    Configure,
    /// A kill was asked for.
    Kill,
    /// A session was closed by an operator because it will not report again.
    Close,
    /// The kill switch was engaged.
    KillAll,
    /// The kill switch was released.
    KillSwitchRelease,
    /// A key was made.
    KeyCreate,
    /// A key was revoked.
    KeyRevoke,
    /// A browser logged in; the target is the key that it acts as.
    Login,
    /// A browser logged out.
    Logout,
    /// A permission request was decided.
    ApprovalDecide,
    /// A budget was set or removed.
    BudgetSet,
    /// The guard was told to watch the agents of a mission, or to leave them alone.
    GuardSet,
    /// A configuration of a provider was made or changed.
    ProviderSet,
    /// A configuration of a provider was removed.
    ProviderRemove,
    /// A configuration of a provider was tried out: its agent was started and ended.
    ProviderTest,
    /// The credentials of a configuration were sealed with another key.
    SecretsRotate,
    /// A runner was told to take no more agents.
    RunnerDrain,
    /// A runner was told to take agents again.
    RunnerUndrain,
    /// A runner was forgotten.
    RunnerRemove,
    /// A sink was made or changed.
    SinkSet,
    /// A sink was removed.
    SinkRemove,
    /// Dead letters of a sink are to be sent again.
    SinkResend,
    /// A sink was tried out: a message was sent to its receiver.
    SinkTest,
    /// The rules of retention were changed.
    RetentionSet,
    /// The audit log itself was read, exported or verified.
    AuditRead,
}

impl ActionName {
    /// Every action.
    pub const ALL: [Self; 30] = [
        Self::Inject,
        Self::Pause,
        Self::Resume,
        Self::Interrupt,
        Self::CommandCancel,
        Self::Configure,
        Self::Kill,
        Self::Close,
        Self::KillAll,
        Self::KillSwitchRelease,
        Self::KeyCreate,
        Self::KeyRevoke,
        Self::Login,
        Self::Logout,
        Self::ApprovalDecide,
        Self::BudgetSet,
        Self::GuardSet,
        Self::ProviderSet,
        Self::ProviderRemove,
        Self::ProviderTest,
        Self::SecretsRotate,
        Self::RunnerDrain,
        Self::RunnerUndrain,
        Self::RunnerRemove,
        Self::SinkSet,
        Self::SinkRemove,
        Self::SinkResend,
        Self::SinkTest,
        Self::RetentionSet,
        Self::AuditRead,
    ];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Interrupt => "interrupt",
            Self::CommandCancel => "command_cancel",
            Self::Configure => "configure",
            Self::Kill => "kill",
            Self::Close => "close",
            Self::KillAll => "kill_all",
            Self::KillSwitchRelease => "kill_switch_release",
            Self::KeyCreate => "key_create",
            Self::KeyRevoke => "key_revoke",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::ApprovalDecide => "approval_decide",
            Self::BudgetSet => "budget_set",
            Self::GuardSet => "guard_set",
            Self::ProviderSet => "provider_set",
            Self::ProviderRemove => "provider_remove",
            Self::ProviderTest => "provider_test",
            Self::SecretsRotate => "secrets_rotate",
            Self::RunnerDrain => "runner_drain",
            Self::RunnerUndrain => "runner_undrain",
            Self::RunnerRemove => "runner_remove",
            Self::SinkSet => "sink_set",
            Self::SinkRemove => "sink_remove",
            Self::SinkResend => "sink_resend",
            Self::SinkTest => "sink_test",
            Self::RetentionSet => "retention_set",
            Self::AuditRead => "audit_read",
        }
    }

    /// Whether the action may be done while the audit log cannot be written, with its entry in the spool. This holds
    /// only for what stops agents. No other action is done when it cannot be recorded.
    #[must_use]
    pub const fn may_be_spooled(self) -> bool {
        matches!(self, Self::Pause | Self::Kill | Self::KillAll)
    }
}

/// A word that is not the name of an action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an audited action")]
pub struct UnknownAction(pub String);

impl std::str::FromStr for ActionName {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|name| name.as_str() == word).ok_or_else(|| UnknownAction(word.to_owned()))
    }
}
