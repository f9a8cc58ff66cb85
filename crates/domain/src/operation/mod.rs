//! Operations: one wish for one or many sessions, followed until the result at each is known.
//!
//! A command's receipt has the answer of an agent; an operation has what was *observed*. Observations of its session
//! settle each [`OperationTarget`], and the [`Operation`] is completed when no target is open any more.

mod committed;
mod event;
mod record;
mod scoped;
mod target;
mod wish;

pub use committed::ScopedCommitted;
pub use record::{Opened, Operation, OperationState, Scope, Tally};
pub use scoped::{Member, Reach, ScopedAction, ScopedEffects, UnknownReach};
pub use target::{OperationTarget, TargetOutcome};
pub use wish::{UnknownWish, Wish};
