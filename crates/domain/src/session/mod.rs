//! A session: one agent at work, one node of the tree.

pub(crate) mod capabilities;
mod choice;
mod event;
mod lease;
mod observation;
mod place;
mod record;
mod registration;
mod status;

pub use choice::Choice;
pub use lease::Silence;
pub use observation::{Observation, Observed, StatusChange};
pub use place::{PlaceRefused, SessionPlace};
pub use record::Session;
pub use registration::{Admission, Ancestor, Registration, RegistrationRefused, TreeFacts};
pub use status::{DesiredStatus, IllegalTransition, SessionStatus, UnknownStatus};
