//! One replica sends at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Sink, SinkName};
use crate::text::ReplicaName;
use crate::time::Timestamp;

/// How long a replica may send without a word to the store. A try is shorter.
pub const LEASE: Duration = Duration::from_secs(30);

/// Which replica sends the messages of a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinkLease {
    /// The replica; `None` before the first.
    pub holder: Option<ReplicaName>,
    /// When others may take it.
    pub until: Option<Timestamp>,
    /// Rises with each taking. What a replica reports with an older one is not taken.
    pub fence: u64,
}

impl SinkLease {
    /// Whether another replica holds it.
    #[must_use]
    pub fn is_of_another(&self, than: &ReplicaName, now: Timestamp) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder != than) && self.until.is_some_and(|until| until >= now)
    }
}

/// A replica takes the lease of a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// The sink.
    pub name: SinkName,
    /// The replica. A replica that is started again takes over from itself: one data folder has one server.
    pub by: ReplicaName,
    /// The time.
    pub at: Timestamp,
}

impl Taking {
    /// The sink with the lease in its new hands; `None` when it is gone, is disabled, or is of another replica.
    #[must_use]
    pub fn decide(&self, existing: Option<&Sink>) -> Option<Sink> {
        let sink = existing.filter(|sink| sink.enabled && !sink.progress.lease.is_of_another(&self.by, self.at))?;
        let mut taken = sink.clone();
        taken.progress.lease = SinkLease {
            holder: Some(self.by.clone()),
            until: Some(self.at.saturating_add(LEASE)),
            fence: sink.progress.lease.fence.saturating_add(1),
        };
        Some(taken)
    }
}
