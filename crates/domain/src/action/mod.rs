//! Operator actions: a person steps in.
//!
//! An [`OperatorAction`] decides itself against the session it finds and always yields the audit entry along with the
//! effects, so that a change without its entry cannot be written down in the first place.

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
