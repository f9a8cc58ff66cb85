//! How a runner joins, and what is done with it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Offer, Runner, RunnerName, RunnerState, RunnerVersion};
use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::ids::KeyId;
use crate::provider_config::Label;
use crate::time::Timestamp;

/// A runner that joins, or joins again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerRegistration {
    /// Its name.
    pub name: RunnerName,
    /// Which run of it.
    pub instance: Uuid,
    /// The key that it has.
    pub key_id: KeyId,
    /// Its labels.
    pub labels: BTreeSet<Label>,
    /// What it can start.
    pub offers: BTreeSet<Offer>,
    /// How many agents it runs at once.
    pub capacity: u32,
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// Its program.
    pub version: RunnerVersion,
    /// How far its clock is ahead, in milliseconds.
    pub clock_ahead: i64,
    /// The time.
    pub at: Timestamp,
}

/// A sign of life of a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its name.
    pub name: RunnerName,
    /// Which run of it.
    pub instance: Uuid,
    /// The key that it has.
    pub key_id: KeyId,
    /// How far its clock is ahead, in milliseconds.
    pub clock_ahead: i64,
    /// The time.
    pub at: Timestamp,
}

/// Why a runner is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunnerRefused {
    /// There is none of this name.
    #[error("there is no runner {0:?}; register it first")]
    Unknown(RunnerName),
    /// The name belongs to another key.
    #[error("the name {0:?} belongs to another key; choose another name, or have an administrator remove the runner")]
    OtherKey(RunnerName),
    /// Another run of it is there.
    #[error(
        "another program is connected as runner {name:?}; stop it, or wait until it has been silent for {} s",
        Runner::LEASE.as_secs()
    )]
    OtherInstance {
        /// Its name.
        name: RunnerName,
    },
    /// It speaks another version of the protocol.
    #[error(
        "this server speaks version {} of the runner protocol, and the runner version {}; use programs of one release",
        Runner::PROTOCOL,
        .0
    )]
    Protocol(u32),
    /// It still has agents.
    #[error("runner {0:?} is there and may have agents; drain it, or stop it first")]
    StillThere(RunnerName),
}

impl RunnerRefused {
    /// The field at fault, as the API names it.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Protocol(_) => Some("protocol"),
            Self::OtherInstance { .. } => Some("instance"),
            Self::Unknown(_) | Self::OtherKey(_) | Self::StillThere(_) => None,
        }
    }
}

impl RunnerRegistration {
    /// Decides whether the runner joins. A store calls this under the lock of the runner. A runner that was told to drain
    /// and joins again as the same instance still drains.
    ///
    /// # Errors
    /// The name is somebody else's, or the protocol another one.
    pub fn decide(&self, existing: Option<&Runner>) -> Result<Runner, RunnerRefused> {
        if self.protocol != Runner::PROTOCOL {
            return Err(RunnerRefused::Protocol(self.protocol));
        }
        let (mut state, mut registered_at) = (RunnerState::Active, self.at);
        if let Some(runner) = existing {
            if runner.key_id != self.key_id {
                return Err(RunnerRefused::OtherKey(self.name.clone()));
            }
            if runner.instance == self.instance {
                registered_at = runner.registered_at;
                if runner.state == RunnerState::Draining {
                    state = RunnerState::Draining;
                }
            } else if runner.is_there(self.at) {
                return Err(RunnerRefused::OtherInstance { name: self.name.clone() });
            }
        }
        Ok(Runner {
            name: self.name.clone(),
            instance: self.instance,
            key_id: self.key_id.clone(),
            state,
            labels: self.labels.clone(),
            offers: self.offers.clone(),
            capacity: self.capacity,
            protocol: self.protocol,
            version: self.version.clone(),
            registered_at,
            seen_at: self.at,
            clock_ahead: self.clock_ahead,
        })
    }
}

impl Heard {
    /// The runner after a sign of life. One that drains or has left stays so.
    ///
    /// # Errors
    /// It is another program.
    pub fn decide(&self, existing: Option<&Runner>) -> Result<Runner, RunnerRefused> {
        let runner = existing.ok_or_else(|| RunnerRefused::Unknown(self.name.clone()))?;
        if runner.key_id != self.key_id {
            return Err(RunnerRefused::OtherKey(self.name.clone()));
        }
        if runner.instance != self.instance {
            return Err(RunnerRefused::OtherInstance { name: self.name.clone() });
        }
        Ok(Runner { seen_at: runner.seen_at.max(self.at), clock_ahead: self.clock_ahead, ..runner.clone() })
    }
}

/// What is wanted of a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunnerWish {
    /// It takes no assignments any more.
    Drain,
    /// It takes assignments again.
    Undrain,
    /// It is forgotten, and its name is free.
    Remove,
}

impl RunnerWish {
    /// The action that it is on the audit log.
    #[must_use]
    pub const fn action(self) -> ActionName {
        match self {
            Self::Drain => ActionName::RunnerDrain,
            Self::Undrain => ActionName::RunnerUndrain,
            Self::Remove => ActionName::RunnerRemove,
        }
    }
}

/// A change that an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerChange {
    /// The runner.
    pub name: RunnerName,
    /// What is wanted.
    pub wish: RunnerWish,
    /// By whom.
    pub by: Attribution,
}

impl RunnerChange {
    /// Decides the change: the runner after it, `None` when it is removed, and the audit entry in either case.
    pub fn decide(&self, existing: Option<&Runner>) -> (Result<Option<Runner>, RunnerRefused>, AuditDraft) {
        let outcome = self.effect(existing);
        let details: BTreeMap<String, String> = match &outcome {
            Ok(_) => BTreeMap::new(),
            Err(refused) => [("refusal".to_owned(), refused.to_string())].into(),
        };
        let audited = if outcome.is_ok() { AuditOutcome::Accepted } else { AuditOutcome::Refused };
        let entry = self.by.audit(self.wish.action(), AuditTarget::Runner(self.name.clone()), audited, details);
        (outcome, entry)
    }

    fn effect(&self, existing: Option<&Runner>) -> Result<Option<Runner>, RunnerRefused> {
        let runner = existing.ok_or_else(|| RunnerRefused::Unknown(self.name.clone()))?;
        let state = match self.wish {
            RunnerWish::Remove if runner.is_there(self.by.at) => {
                return Err(RunnerRefused::StillThere(self.name.clone()));
            }
            RunnerWish::Remove => return Ok(None),
            RunnerWish::Drain if runner.state == RunnerState::Active => RunnerState::Draining,
            RunnerWish::Undrain if runner.state == RunnerState::Draining => RunnerState::Active,
            RunnerWish::Drain | RunnerWish::Undrain => runner.state,
        };
        Ok(Some(Runner { state, ..runner.clone() }))
    }
}

#[cfg(test)]
mod tests;
