//! What can stand on the audit log.

use serde::{Deserialize, Serialize};

/// What can stand on the audit log.
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
    /// A kill was asked for.
    Kill,
    /// A session was closed by hand: nothing more is to be heard of it.
    Close,
    /// The kill switch was engaged.
    KillAll,
    /// The kill switch was released.
    KillSwitchRelease,
    /// A key was made.
    KeyCreate,
    /// A key was ended.
    KeyRevoke,
    /// Somebody logged in; the target is the key that they act as.
    Login,
    /// Somebody logged out.
    Logout,
    /// A permission request was decided.
    ApprovalDecide,
    /// A budget was set or taken away.
    BudgetSet,
    /// The audit log itself was read, exported or verified.
    AuditRead,
}

impl ActionName {
    /// Every action.
    pub const ALL: [Self; 16] = [
        Self::Inject,
        Self::Pause,
        Self::Resume,
        Self::Interrupt,
        Self::CommandCancel,
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
            Self::AuditRead => "audit_read",
        }
    }

    /// Whether it may be done while the audit log cannot be written, with its entry in a spool: only what stops agents. Of
    /// everything else it holds that what cannot be recorded is not done.
    #[must_use]
    pub const fn may_be_spooled(self) -> bool {
        matches!(self, Self::Pause | Self::Kill | Self::KillAll)
    }
}

/// A word that names no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an audited action")]
pub struct UnknownAction(pub String);

impl std::str::FromStr for ActionName {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|name| name.as_str() == word).ok_or_else(|| UnknownAction(word.to_owned()))
    }
}
