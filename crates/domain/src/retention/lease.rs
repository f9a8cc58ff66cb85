//! One replica archives at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Retention;
use crate::text::ReplicaName;
use crate::time::Timestamp;

/// How long a replica may work without a word to the store. A second one does no harm: each step may be repeated.
pub const RETENTION_LEASE: Duration = Duration::from_mins(5);

/// Which replica archives and removes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionLease {
    /// The replica; `None` before the first.
    pub holder: Option<ReplicaName>,
    /// When others may take it.
    pub until: Option<Timestamp>,
}

/// A replica takes the lease, or keeps it for longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionTaking {
    /// The replica. One that is started again takes over from itself.
    pub by: ReplicaName,
    /// The time.
    pub at: Timestamp,
}

impl RetentionTaking {
    /// The rules with the lease in its new hands; `None` when it is another replica's, or when everything is kept and so
    /// nothing is to be done.
    #[must_use]
    pub fn decide(&self, existing: &Retention) -> Option<Retention> {
        let RetentionLease { holder, until } = &existing.lease;
        let of_another = holder.as_ref().is_some_and(|holder| *holder != self.by);
        if existing.rules.keeps_everything() || (of_another && until.is_some_and(|until| until >= self.at)) {
            return None;
        }
        let until = Some(self.at.saturating_add(RETENTION_LEASE));
        Some(Retention { lease: RetentionLease { holder: Some(self.by.clone()), until }, ..existing.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;
    use crate::retention::{Days, RetentionRules};

    #[test]
    fn a_replica_works_alone_until_its_lease_runs_out() {
        let taking =
            |replica: &str, second| RetentionTaking { by: ReplicaName::new(replica).expect("valid"), at: at(second) };
        assert_eq!(taking("a", 0).decide(&Retention::default()), None, "nothing is to be done");
        let rules = RetentionRules { feed: Some(Days::new(1).expect("valid")), ..RetentionRules::default() };
        let free = Retention { rules, ..Retention::default() };
        let taken = taking("a", 0).decide(&free).expect("free");
        assert!(taking("b", 300).decide(&taken).is_none());
        assert!(taking("a", 10).decide(&taken).is_some(), "it goes on");
        assert!(taking("b", 301).decide(&taken).is_some());
    }
}
