//! Counts of rows.

use std::collections::BTreeMap;
use std::future::Future;

use super::Rows;
use crate::runner::AssignmentState;
use crate::session::SessionStatus;
use crate::survey::Waiting;

/// Counts of rows.
pub trait SurveyRows {
    /// How many sessions have each status; those that none has may be missing.
    fn survey_sessions(&mut self) -> impl Future<Output = Rows<BTreeMap<SessionStatus, u64>>> + Send;

    /// The permission requests that are open, and when the oldest was opened.
    fn survey_approvals(&mut self) -> impl Future<Output = Rows<Waiting>> + Send;

    /// The operations that are not complete, and when the oldest was asked for.
    fn survey_operations(&mut self) -> impl Future<Output = Rows<Waiting>> + Send;

    /// How many assignments wait, are leased and are started.
    fn survey_assignments(&mut self) -> impl Future<Output = Rows<BTreeMap<AssignmentState, u64>>> + Send;

    /// How large the store is, in bytes; `None` for one that is not on a disk.
    fn store_bytes(&mut self) -> impl Future<Output = Rows<Option<u64>>> + Send;
}
