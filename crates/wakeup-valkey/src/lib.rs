//! What the replicas of one deployment tell each other over Valkey (or Redis from 6 on): hints that something moved, and
//! how often a key has stepped in.
//!
//! [`Valkey`] wraps the hints within a process: it passes each on at once, tells the other replicas, and passes theirs on.
//! Nothing waits for Valkey and nothing depends on it: whoever waits for a hint also looks by itself every second or so,
//! and a [`Throttle`] that gets no answer says so.
//!
//! # How hints travel
//! One connection a replica, subscribed to one channel. Hints collect in the outbox while a message is on its way,
//! each session once with its newest seq, and go out as one message when that is through: a lone hint is not delayed, a
//! thousand cost one message. When more sessions wait than the outbox has room for, "look at everything" goes instead.
//! Whoever was cut off looks at everything once it is back, for it has missed hints; its own have waited for it.
//!
//! # The message
//! Lines of ASCII. The first is the version, `1`, a blank, and the id of the replica that speaks; each of the others is one
//! hint:
//!
//! | line | says |
//! | --- | --- |
//! | `m <session> <seq>` | the conversation has reached that seq |
//! | `c <session>` | the session has new commands |
//! | `f` | the fleet feed has grown |
//! | `*` | look at everything |
//!
//! A message that cannot be read is ignored, of another version too: replicas of two releases then look by themselves.
//!
//! # What does not belong here
//! What moved: messages, commands and events stay in the store. HTTP, and what is done when a throttle has no answer.

mod backoff;
mod inbox;
mod link;
mod message;
mod options;
mod outbox;
mod stats;
mod throttle;
mod url;
mod valkey;

pub use options::Options;
pub use stats::Stats;
pub use throttle::{Admission, Quota, Throttle, Unavailable};
pub use url::{InvalidUrl, ValkeyUrl};
pub use valkey::{Status, Valkey};
