//! Operator actions: an operator steps in.
//!
//! An [`OperatorAction`] is decided against the session that it finds. The decision always contains the audit entry
//! together with the effects, so that a change without its entry cannot be expressed.

mod committed;
mod event;
mod fleet;
mod idempotency;
mod intervention;
mod name;
mod operator_action;
mod origin;
mod unable;

pub use committed::Committed;
pub use fleet::{FleetAction, FleetCommitted, FleetIntervention};
pub use idempotency::{Call, Fingerprint, KeyReused, Remembered};
pub use intervention::{ConcernedCommands, Intervention};
pub use name::{ActionName, UnknownAction};
pub use operator_action::{ActionRefused, Decision, Effects, OperatorAction};
pub use origin::{Attribution, Origin};
pub use unable::Unable;
