//! How the rules are changed, and when not.

use std::collections::BTreeMap;

use super::{Retention, RetentionRules};
use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::provider_config::Changed;

/// A change of the rules. They are changed as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionChange {
    /// The rules as they are to be.
    pub rules: RetentionRules,
    /// The revision that the caller knows.
    pub expected: u64,
    /// Who wants it.
    pub by: Attribution,
}

/// Why the rules were not changed. The refusal is on the audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionRefused {
    /// Somebody else has changed them.
    #[error("the retention rules are at revision {current}, not {expected}; read them again")]
    Stale {
        /// The revision that the caller knows.
        expected: u64,
        /// The revision that they have.
        current: u64,
    },
}

/// The decision, and in either case the audit entry.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionDecision {
    /// What to write, or why nothing is written.
    pub outcome: Result<Retention, RetentionRefused>,
    /// What to write to the audit log in the same transaction.
    pub audit: AuditDraft,
}

impl RetentionChange {
    /// Decides the change. A store calls this under the lock of the rules.
    #[must_use]
    pub fn decide(&self, existing: &Retention) -> RetentionDecision {
        let current = existing.revision;
        if self.expected != current {
            let refused = RetentionRefused::Stale { expected: self.expected, current };
            let details = [("refusal".to_owned(), refused.to_string())].into();
            return RetentionDecision { outcome: Err(refused), audit: self.entry(AuditOutcome::Refused, details) };
        }
        let retention = Retention {
            rules: self.rules.clone(),
            revision: current.saturating_add(1),
            changed: Some(Changed { by: self.by.actor.clone(), at: self.by.at }),
            lease: existing.lease.clone(),
        };
        let details = self.details(&retention);
        RetentionDecision { outcome: Ok(retention), audit: self.entry(AuditOutcome::Accepted, details) }
    }

    fn entry(&self, outcome: AuditOutcome, details: BTreeMap<String, String>) -> AuditDraft {
        self.by.audit(ActionName::RetentionSet, AuditTarget::Fleet, outcome, details)
    }

    fn details(&self, retention: &Retention) -> BTreeMap<String, String> {
        let days = |days: Option<super::Days>| days.map_or("for ever".to_owned(), |days| days.get().to_string());
        let mut details: BTreeMap<String, String> = [
            ("revision".to_owned(), retention.revision.to_string()),
            ("sessionDays".to_owned(), days(self.rules.sessions)),
            ("feedDays".to_owned(), days(self.rules.feed)),
        ]
        .into();
        if !self.rules.missions.is_empty() {
            // The first ones by name; the entry has to stay short.
            let named =
                self.rules.missions.iter().take(20).map(|(mission, rule)| format!("{mission}: {}", days(*rule)));
            details.insert("missions".to_owned(), named.collect::<Vec<_>>().join(", "));
            details.insert("missionRules".to_owned(), self.rules.missions.len().to_string());
        }
        details
    }
}
