//! Permission requests.

use super::Rows;
use crate::approval::Approval;
use crate::ids::{ApprovalId, SessionId};
use crate::ports::{ApprovalCursor, ApprovalQuery};
use crate::time::Timestamp;

/// The rows of permission requests. The lock of a session guards them.
pub trait ApprovalRows: Send {
    /// Writes a request; `false` when its id is taken.
    fn insert_approval(&mut self, approval: &Approval) -> impl Future<Output = Rows<bool>> + Send;

    /// Reads a request.
    fn approval(&mut self, id: ApprovalId) -> impl Future<Output = Rows<Option<Approval>>> + Send;

    /// Writes the part of a request that can change: how it was closed.
    fn save_approval(&mut self, approval: &Approval) -> impl Future<Output = Rows<()>> + Send;

    /// Reads the open requests of a session.
    fn open_approvals(&mut self, session: SessionId) -> impl Future<Output = Rows<Vec<Approval>>> + Send;

    /// How many of a session nobody has decided.
    fn count_open_approvals(&mut self, session: SessionId) -> impl Future<Output = Rows<u64>> + Send;

    /// Reads at most `limit` open requests whose deadline is not after `now`, the earliest first.
    fn due_approvals(&mut self, now: Timestamp, limit: usize) -> impl Future<Output = Rows<Vec<ApprovalId>>> + Send;

    /// Reads one page, newest first, and says where the next page begins.
    fn approval_page(
        &mut self,
        query: &ApprovalQuery,
    ) -> impl Future<Output = Rows<(Vec<Approval>, Option<ApprovalCursor>)>> + Send;
}
