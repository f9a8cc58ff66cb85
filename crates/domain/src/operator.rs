//! Who may do what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{KeyId, SessionId};
use crate::mission_set::MissionSet;
use crate::session::SessionPlace;

/// Who acted, as the audit log names it: the id of an API key, never the key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// A caller with an API key.
    #[must_use]
    pub fn key(id: &KeyId) -> Self {
        Self(id.to_string())
    }

    /// A person at the command line of the machine, who needs no key.
    #[must_use]
    pub fn local_cli() -> Self {
        Self("cli".to_owned())
    }

    /// Flightdeck itself.
    #[must_use]
    pub fn system() -> Self {
        Self("system".to_owned())
    }

    /// The enforcement of a used-up budget.
    #[must_use]
    pub fn budget() -> Self {
        Self("budget".to_owned())
    }

    /// The guard over agents that run wild.
    #[must_use]
    pub fn guard() -> Self {
        Self("guard".to_owned())
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

/// The role of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It reads.
    Viewer,
    /// It reads, spawns, reports and steps in.
    Operator,
    /// It does all of that, and manages keys.
    Admin,
    /// It reports for one session and those below it, and sees nothing else.
    Agent,
    /// It starts agents that are assigned to it, and reports for these.
    Runner,
}

/// A word that is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; use viewer, operator, admin, agent or runner")]
pub struct UnknownKeyRole(pub String);

/// One thing that a role may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See the fleet as a whole: lists, the tree, the fleet feed.
    ReadFleet,
    /// See one session and its conversation.
    ReadSession,
    /// Register a session, or have one started.
    Spawn,
    /// Report for a session: append messages, report a status, acknowledge commands.
    Report,
    /// Withdraw a permission request of an agent. Operators may not: they decide.
    Withdraw,
    /// Step in.
    Control,
    /// See the audit log.
    ReadAudit,
    /// Make a link that lets the owner of the key log in.
    MakeLoginLink,
    /// Give out and revoke keys.
    ManageKeys,
    /// Change and try out configurations of providers.
    ManageProviders,
    /// Lease assignments and start their agents.
    RunAgents,
    /// Drain and remove runners.
    ManageRunners,
    /// See sinks and how far they are.
    ReadSinks,
    /// Change and try out sinks, and send dead letters again.
    ManageSinks,
    /// See the rules of retention.
    ReadRetention,
    /// Change the rules of retention.
    ManageRetention,
}

impl Permission {
    /// Whether it concerns more than the sessions of some missions. A key with missions does not have it.
    #[must_use]
    pub const fn concerns_all_missions(self) -> bool {
        matches!(
            self,
            Self::ReadAudit
                | Self::ManageKeys
                | Self::ManageProviders
                | Self::ManageRunners
                | Self::ReadSinks
                | Self::ManageSinks
                | Self::ReadRetention
                | Self::ManageRetention
        )
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Operator, Self::Admin, Self::Agent, Self::Runner];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Runner => "runner",
        }
    }

    /// Whether a key of this role may be restricted to some missions.
    #[must_use]
    pub const fn takes_missions(self) -> bool {
        matches!(self, Self::Viewer | Self::Operator)
    }

    /// Whether the role may do it. What is not listed is denied.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission::{
            Control, MakeLoginLink, ReadAudit, ReadFleet, ReadRetention, ReadSession, ReadSinks, Report, RunAgents,
            Spawn, Withdraw,
        };
        match self {
            Self::Viewer => matches!(permission, ReadFleet | ReadSession),
            Self::Operator => {
                matches!(
                    permission,
                    ReadFleet
                        | ReadSession
                        | Spawn
                        | Report
                        | Control
                        | ReadAudit
                        | ReadSinks
                        | ReadRetention
                        | MakeLoginLink
                )
            }
            Self::Admin => !matches!(permission, RunAgents),
            Self::Agent => matches!(permission, ReadSession | Spawn | Report | Withdraw),
            // For the session of an assignment alone: see `ServeRunners::act_for`.
            Self::Runner => matches!(permission, ReadSession | Spawn | Report | Withdraw | RunAgents),
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

/// The caller of a request, after the key was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The key's id.
    pub key_id: KeyId,
    /// The role of the key.
    pub role: Role,
    /// For an `agent` key, the session whose subtree it is bound to.
    pub bound_to: Option<SessionId>,
    /// The place of that session while it is not in the tree yet.
    pub place: SessionPlace,
    /// For a `viewer` or an `operator`: the missions whose sessions it may see and act on; `None` for all sessions.
    pub missions: Option<MissionSet>,
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
        assert_eq!(may(Permission::ManageProviders), [Role::Admin]);
        assert_eq!(may(Permission::Control), [Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::MakeLoginLink), [Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::ReadAudit), [Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::ReadFleet), [Role::Viewer, Role::Operator, Role::Admin]);
        assert_eq!(may(Permission::Report), [Role::Operator, Role::Admin, Role::Agent, Role::Runner]);
        assert_eq!(may(Permission::Withdraw), [Role::Admin, Role::Agent, Role::Runner]);
        assert_eq!(may(Permission::RunAgents), [Role::Runner]);
        assert_eq!(may(Permission::ManageRunners), [Role::Admin]);
    }
}
