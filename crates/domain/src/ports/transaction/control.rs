//! Operations, and the calls that carried a key.

use super::Rows;
use crate::action::Remembered;
use crate::ids::{OperationId, SessionId};
use crate::operation::{Operation, OperationTarget, Wish};
use crate::operator::Actor;
use crate::ports::{OperationPage, OperationQuery, TargetPage, TargetQuery};
use crate::text::IdempotencyKey;
use crate::time::Timestamp;

/// The rows of operations and their targets, and what is remembered of calls. The lock of a session guards its targets.
pub trait ControlRows: Send {
    /// Writes an operation.
    fn insert_operation(&mut self, operation: &Operation) -> impl Future<Output = Rows<()>> + Send;

    /// Writes targets.
    fn insert_targets(&mut self, targets: &[OperationTarget]) -> impl Future<Output = Rows<()>> + Send;

    /// An operation.
    fn operation(&mut self, id: OperationId) -> impl Future<Output = Rows<Option<Operation>>> + Send;

    /// An operation, locked.
    fn lock_operation(&mut self, id: OperationId) -> impl Future<Output = Rows<Option<Operation>>> + Send {
        self.operation(id)
    }

    /// Writes what can change of an operation: how far it has come.
    fn save_operation(&mut self, operation: &Operation) -> impl Future<Output = Rows<()>> + Send;

    /// The operations of one wish that are open, oldest first.
    fn open_operations(&mut self, wish: Wish) -> impl Future<Output = Rows<Vec<Operation>>> + Send;

    /// The open targets of a session, in the order of their operations' ids.
    fn open_targets(&mut self, session: SessionId) -> impl Future<Output = Rows<Vec<OperationTarget>>> + Send;

    /// Writes what can change of a target.
    fn save_target(&mut self, target: &OperationTarget) -> impl Future<Output = Rows<()>> + Send;

    /// Supersedes every target that is open of an operation.
    fn supersede_targets(&mut self, operation: OperationId) -> impl Future<Output = Rows<()>> + Send;

    /// One page, newest first.
    fn operation_page(&mut self, query: &OperationQuery) -> impl Future<Output = Rows<OperationPage>> + Send;

    /// One page, leaves first.
    fn target_page(&mut self, query: &TargetQuery) -> impl Future<Output = Rows<TargetPage>> + Send;

    /// What is remembered of an actor's call with a key. The key is locked: of two calls with it, one waits for the other.
    /// Always the first operation of a transaction.
    fn remembered(
        &mut self,
        actor: &Actor,
        key: &IdempotencyKey,
    ) -> impl Future<Output = Rows<Option<Remembered>>> + Send;

    /// Remembers a call.
    fn remember(
        &mut self,
        actor: &Actor,
        key: &IdempotencyKey,
        call: &Remembered,
    ) -> impl Future<Output = Rows<()>> + Send;

    /// Forgets the calls before a moment; what another transaction has its hands on may stay.
    fn forget_calls(&mut self, before: Timestamp) -> impl Future<Output = Rows<()>> + Send;
}
