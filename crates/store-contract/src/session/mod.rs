//! The session tree: [`flightdeck_domain::ports::SessionRepository`].

mod listing;
mod observation;
mod registration;

pub use listing::*;
pub use observation::*;
pub use registration::*;
