//! Operator actions: a person steps in.
//!
//! An [`OperatorAction`] decides itself against the session it finds and always yields the audit entry along with the
//! effects, so that a change without its entry cannot be written down in the first place.

mod intervention;
mod name;
mod operator_action;

pub use intervention::{ConcernedCommands, Intervention};
pub use name::{ActionName, Attribution, UnknownAction};
pub use operator_action::{ActionRefused, Decision, Effects, OperatorAction};
