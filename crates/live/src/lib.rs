//! The shared tails of followed logs: the conversations of sessions, and the fleet feed.
//!
//! A [`Follower`] is a cursor over a log, not a queue: however slow it is, it skips nothing and costs the others nothing.
//! While a log is followed, one tail keeps its newest entries in memory, read from the store once and encoded once,
//! as shared bytes; a follower that has fallen behind the tail reads the store by itself until it has caught up.
//!
//! A [`Selection`] gives what one reader wants of the fleet feed, and [`ActivityTicks`] who is busy.
//!
//! [`Hints`] wake the tails after a commit. A hint may be lost: every second or so ([`TailOptions::poll`]) the ends of all
//! followed logs are read at once, and a tail that is behind its own looks.
//!
//! # What does not belong here
//! SQL and HTTP. What the bytes of an entry look like is decided by the [`Log`] that is followed.

mod activity;
mod conversation;
mod follower;
mod hints;
mod log;
mod patrol;
mod previews;
mod receipts;
mod rows;
mod selection;
mod tail;
mod tails;

pub use activity::ActivityTicks;
pub use conversation::{ConversationFollower, ConversationTails};
pub use follower::{Follower, Next};
pub use hints::Hints;
pub use log::{Conversations, Cut, FleetFeedLog, Frame, Head, Log, LogRead};
pub use selection::{Selected, Selection};
pub use tail::TailOptions;
pub use tails::Tails;
