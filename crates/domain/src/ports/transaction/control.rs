//! Operations, and remembered calls with a key.

use super::Rows;
use crate::action::Remembered;
use crate::ids::{OperationId, SessionId};
use crate::operation::{Operation, OperationTarget, Wish};
use crate::operator::Actor;
use crate::ports::{OperationPage, OperationQuery, TargetPage, TargetQuery};
use crate::text::IdempotencyKey;
use crate::time::Timestamp;

/// The rows of operations and their targets, and of remembered calls. The lock of a session guards its targets.
pub trait ControlRows: Send {
    /// Writes an operation.
    fn insert_operation(&mut self, operation: &Operation) -> impl Future<Output = Rows<()>> + Send;

    /// Writes targets.
    fn insert_targets(&mut self, targets: &[OperationTarget]) -> impl Future<Output = Rows<()>> + Send;

    /// Reads an operation.
    fn operation(&mut self, id: OperationId) -> impl Future<Output = Rows<Option<Operation>>> + Send;

    /// Reads and locks an operation.
    fn lock_operation(&mut self, id: OperationId) -> impl Future<Output = Rows<Option<Operation>>> + Send {
        self.operation(id)
    }

    /// Writes the part of an operation that can change: its state.
    fn save_operation(&mut self, operation: &Operation) -> impl Future<Output = Rows<()>> + Send;

    /// Reads the open operations of one wish, oldest first.
    fn open_operations(&mut self, wish: Wish) -> impl Future<Output = Rows<Vec<Operation>>> + Send;

    /// Reads the open targets of a session, in the order of their operations' ids.
    fn open_targets(&mut self, session: SessionId) -> impl Future<Output = Rows<Vec<OperationTarget>>> + Send;

    /// Writes the part of a target that can change.
    fn save_target(&mut self, target: &OperationTarget) -> impl Future<Output = Rows<()>> + Send;

    /// Supersedes every open target of an operation.
    fn supersede_targets(&mut self, operation: OperationId) -> impl Future<Output = Rows<()>> + Send;

    /// Reads one page, newest first.
    fn operation_page(&mut self, query: &OperationQuery) -> impl Future<Output = Rows<OperationPage>> + Send;

    /// Reads one page, leaves first.
    fn target_page(&mut self, query: &TargetQuery) -> impl Future<Output = Rows<TargetPage>> + Send;

    /// Reads what is remembered of an actor's call with a key, and locks the key: of two calls with the key, one waits
    /// for the other. Always the first operation of a transaction.
    fn remembered(
        &mut self,
        actor: &Actor,
        key: &IdempotencyKey,
    ) -> impl Future<Output = Rows<Option<Remembered>>> + Send;

    /// Stores a call.
    fn remember(
        &mut self,
        actor: &Actor,
        key: &IdempotencyKey,
        call: &Remembered,
    ) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes the calls before a time; rows that another transaction has locked may stay.
    fn forget_calls(&mut self, before: Timestamp) -> impl Future<Output = Rows<()>> + Send;
}
