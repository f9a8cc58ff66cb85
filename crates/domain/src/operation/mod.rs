//! Operations: one wish for one or many sessions, kept until it is proven what became of it.
//!
//! A command's receipt says what an agent answered; an operation says what was *seen*. Each [`OperationTarget`] is moved by
//! what is observed of its session, and the [`Operation`] is completed when none is open any more.

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
