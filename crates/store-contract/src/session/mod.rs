//! The session tree: [`flightdeck_domain::ports::SessionRepository`].

pub(crate) mod lease;
mod listing;
mod observation;
mod registration;

pub use lease::*;
pub use listing::*;
pub use observation::*;
pub use registration::*;
