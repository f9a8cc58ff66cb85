//! How an agent that lives in this process hears and reports: its [`Mailbox`], and its [`Uplink`] to the use cases of the
//! domain. Providers that run agents share it.
//!
//! # What does not belong here
//! What agents do with what they hear, and how providers run them.

mod mailbox;
mod uplink;

pub use mailbox::{Interruption, Mailbox, Order};
pub use uplink::{Desk, Stop, Uplink};
