//! How an agent that lives in this process hears and reports: its place in the [`Crew`], its [`Mailbox`], and its [`Uplink`]
//! to the record. Providers that run agents share it.
//!
//! The record is written through a [`Desk`]: [`LocalDesk`] calls the use cases of the domain in the same process; a program
//! on another machine that runs the same providers brings a desk of its own.
//!
//! # What does not belong here
//! What agents do with what they hear, and how providers run them.

mod crew;
mod desk;
#[cfg(feature = "faults")]
mod faulty_desk;
mod local_desk;
mod mailbox;
mod places;
mod scrubbing_desk;
mod uplink;

pub use crew::{Crew, Entered, Presence};
pub use desk::{Desk, TellsChanges};
#[cfg(feature = "faults")]
pub use faulty_desk::FaultyDesk;
pub use local_desk::LocalDesk;
pub use mailbox::{Interruption, Mailbox, Order};
pub use places::{Place, Places};
pub use scrubbing_desk::ScrubbingDesk;
pub use uplink::{Stop, Uplink};
