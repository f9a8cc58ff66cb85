//! The guard is switched for a mission.

use std::collections::BTreeMap;

use crate::action::{ActionName, Attribution};
use crate::audit::{AuditDraft, AuditOutcome, AuditTarget};
use crate::text::MissionId;
use crate::usage::{Account, AccountKey};

/// A person has the guard watch the agents of a mission, or leave them alone. The limits of the guard are the server's.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardSwitch {
    /// The mission; it may have no session yet.
    pub mission: MissionId,
    /// Whether its agents are watched.
    pub watched: bool,
    /// Who asks, and why.
    pub by: Attribution,
}

impl GuardSwitch {
    /// The account of the mission.
    #[must_use]
    pub fn key(&self) -> AccountKey {
        AccountKey::Mission(self.mission.clone())
    }

    /// Decides the action: the account to write, and the entry for the audit log in the same transaction.
    #[must_use]
    pub fn decide(&self, account: Option<Account>) -> (Account, AuditDraft) {
        let account = account.unwrap_or_else(|| Account::open(self.key(), self.by.at));
        let details = BTreeMap::from([("watched".to_owned(), self.watched.to_string())]);
        let target = AuditTarget::Mission(self.mission.clone());
        let audit = self.by.audit(ActionName::GuardSet, target, AuditOutcome::Accepted, details);
        (Account { spared: !self.watched, ..account }, audit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::attribution;

    #[test]
    fn a_mission_is_spared_on_record_and_its_account_stays_as_it_is() {
        let mission = MissionId::new("apollo").expect("valid");
        let switch = GuardSwitch { mission, watched: false, by: attribution("it polls") };
        let (account, audit) = switch.decide(None);
        assert!(account.spared && account.budget.is_none());
        assert_eq!((audit.action, audit.details["watched"].as_str()), (ActionName::GuardSet, "false"));
        let (again, _) = GuardSwitch { watched: true, ..switch }.decide(Some(account.clone()));
        assert_eq!(again, Account { spared: false, ..account });
    }
}
