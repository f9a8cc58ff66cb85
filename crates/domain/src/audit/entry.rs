//! The content of an entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::AuditHash;
use crate::action::ActionName;
use crate::ids::{ApprovalId, AuditSeq, SessionId};
use crate::operator::Actor;
use crate::provider_config::ConfigName;
use crate::runner::RunnerName;
use crate::sink::SinkName;
use crate::text::{MissionId, ProviderName, Reason, RequestId};
use crate::time::Timestamp;

/// What an action was aimed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "value")]
pub enum AuditTarget {
    /// A permission request whose session is not known.
    Approval(ApprovalId),
    /// The audit log itself.
    AuditLog,
    /// The whole fleet.
    Fleet,
    /// An API key, by its id.
    Key(String),
    /// One mission.
    Mission(MissionId),
    /// A configuration of a provider.
    Provider(ConfigName),
    /// A runner.
    Runner(RunnerName),
    /// One session.
    Session(SessionId),
    /// A sink.
    Sink(SinkName),
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Accepted,
    /// It was refused; `details.refusal` says why.
    Refused,
}

/// An entry before it has its place in the chain.
///
/// ```
/// use flightdeck_domain::action::{ActionName, Origin};
/// use flightdeck_domain::audit::{AuditHead, AuditOutcome, AuditTarget, ChainVerifier};
/// use flightdeck_domain::operator::Actor;
/// use flightdeck_domain::time::Timestamp;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let by = Origin::new(Actor::local_cli(), "req-1".parse()?).at(Timestamp::FIRST);
/// let draft = by.audit(ActionName::AuditRead, AuditTarget::AuditLog, AuditOutcome::Accepted, [].into());
/// // Its place follows from the end of the chain, under the lock of the log.
/// let first = draft.clone().seal(AuditHead::EMPTY);
/// let second = draft.seal(first.head());
///
/// let mut verifier = ChainVerifier::default();
/// verifier.next(&first)?;
/// verifier.next(&second)?;
/// assert!(verifier.finish(second.head()).valid);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDraft {
    /// What was done.
    pub action: ActionName,
    /// Who did it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// Details. Contents are never copied here, only their hashes.
    pub details: BTreeMap<String, String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why, in the operator's words.
    pub reason: Option<Reason>,
    /// The request that asked for it.
    pub request_id: RequestId,
    /// What it was aimed at.
    pub target: AuditTarget,
}

impl AuditDraft {
    /// The provider of the session that the entry is about, as one of its details.
    const PROVIDER: &str = "provider";

    /// Adds the provider of the session that the entry is about.
    #[must_use]
    pub fn run_by(mut self, provider: &ProviderName) -> Self {
        self.details.insert(Self::PROVIDER.to_owned(), provider.to_string());
        self
    }

    /// The session that the entry is about, if the entry does not name its provider yet.
    pub(crate) fn lacks_provider_of(&self) -> Option<SessionId> {
        match self.target {
            AuditTarget::Session(id) if !self.details.contains_key(Self::PROVIDER) => Some(id),
            _ => None,
        }
    }
}

/// An entry with its place in the chain.
///
/// The fields are in the order of their names. With serde's derive this makes the JSON canonical in the sense of RFC
/// 8785: members sorted, no white space, integers only. A test checks this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditEntry {
    /// What was done.
    pub action: ActionName,
    /// Who did it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// Details.
    pub details: BTreeMap<String, String>,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The hash of the entry before; all zeros for the first.
    pub previous: AuditHash,
    /// Why, in the operator's words.
    pub reason: Option<Reason>,
    /// The request that asked for it.
    pub request_id: RequestId,
    /// Its place.
    pub seq: AuditSeq,
    /// What it was aimed at.
    pub target: AuditTarget,
}

/// The facts of an entry that stores keep in columns of their own, to find the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditIndex {
    /// What was done.
    pub action: ActionName,
    /// Who did it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// The session it was aimed at, if it was one.
    pub session_id: Option<SessionId>,
}

impl AuditEntry {
    /// The facts to find the entry.
    #[must_use]
    pub fn index(&self) -> AuditIndex {
        AuditIndex {
            action: self.action,
            actor: self.actor.clone(),
            at: self.at,
            session_id: match self.target {
                AuditTarget::Session(id) => Some(id),
                AuditTarget::Approval(_)
                | AuditTarget::AuditLog
                | AuditTarget::Fleet
                | AuditTarget::Key(_)
                | AuditTarget::Mission(_)
                | AuditTarget::Provider(_)
                | AuditTarget::Runner(_)
                | AuditTarget::Sink(_) => None,
            },
        }
    }
}
