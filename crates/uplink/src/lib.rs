//! How an agent that lives in this process hears and reports: its place in the [`Crew`], its [`Mailbox`], and its [`Uplink`]
//! to the use cases of the domain. Providers that run agents share it.
//!
//! # What does not belong here
//! What agents do with what they hear, and how providers run them.

mod crew;
mod mailbox;
mod uplink;

pub use crew::{Crew, Entered, Presence};
pub use mailbox::{Interruption, Mailbox, Order};
pub use uplink::{Desk, Stop, Uplink};
