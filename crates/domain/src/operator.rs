//! Who may do what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{KeyId, SessionId};
use crate::session::SessionPlace;

/// Who acted, as the audit log names them: the id of an API key, never the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// Somebody with an API key.
    #[must_use]
    pub fn key(id: &KeyId) -> Self {
        Self(id.to_string())
    }

    /// Somebody at the machine's own command line, who needs no key.
    #[must_use]
    pub fn local_cli() -> Self {
        Self("cli".to_owned())
    }

    /// Flightdeck itself.
    #[must_use]
    pub fn system() -> Self {
        Self("system".to_owned())
    }

    /// A budget that is used up.
    #[must_use]
    pub fn budget() -> Self {
        Self("budget".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks, spawns, reports and steps in.
    Operator,
    /// All of that, and gives out keys.
    Admin,
    /// Reports for one session and those below it, and sees nothing else.
    Agent,
}

/// A word that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; use viewer, operator, admin or agent")]
pub struct UnknownKeyRole(pub String);

/// One thing that somebody may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See the fleet as a whole: lists, the tree, the fleet feed.
    ReadFleet,
    /// See one session and its conversation.
    ReadSession,
    /// Register a session, or have one started.
    Spawn,
    /// Report for a session: messages, status, commands acknowledged.
    Report,
    /// Take back what an agent asked for. Not for operators: they decide.
    Withdraw,
    /// Step in.
    Control,
    /// See the audit log.
    ReadAudit,
    /// Make a link that lets the owner of the key log in.
    MakeLoginLink,
    /// Give out and revoke keys.
    ManageKeys,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Agent];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Agent => "agent",
        }
    }

    /// Whether the role may do it. What is not listed is denied.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission::{Control, MakeLoginLink, ReadAudit, ReadFleet, ReadSession, Report, Spawn, Withdraw};
        match self {
            Self::Viewer => matches!(permission, ReadFleet | ReadSession),
            Self::Operator => {
                matches!(permission, ReadFleet | ReadSession | Spawn | Report | Control | ReadAudit | MakeLoginLink)
            }
            Self::Admin => true,
            Self::Agent => matches!(permission, ReadSession | Spawn | Report | Withdraw),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownKeyRole;

    fn from_str(word: &str) -> Result<Self, UnknownKeyRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or_else(|| UnknownKeyRole(word.to_owned()))
    }
}

/// Whoever makes a request, after their key was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The key's id.
    pub key_id: KeyId,
    /// What the key is for.
    pub role: Role,
    /// For an `agent` key, the session whose subtree it is bound to.
    pub bound_to: Option<SessionId>,
    /// Where that session stands when it is not in the tree yet.
    pub place: SessionPlace,
}

impl Principal {
    /// The name on the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::key(&self.key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_admin_manages_keys_and_a_viewer_only_looks() {
        let may = |permission| Role::ALL.into_iter().filter(|role| role.may(permission)).collect::<Vec<_>>();
        assert_eq!(may(Permission::ManageKeys), [Role::Admin]);
        assert_eq!(may(Permission::Control), [Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::MakeLoginLink), [Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::ReadAudit), [Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::ReadFleet), [Role::Viewer, Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::Report), [Role::Operator, Role::Admin, Role::Agent]);
        assert_eq!(may(Permission::Withdraw), [Role::Admin, Role::Agent]);
    }
}
