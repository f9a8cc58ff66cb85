//! The script of each transaction, once for all stores: what is read under which lock, which rule is asked, and what is
//! written in which order.
//!
//! A script is a function over [`Tx`], in the file of its subject. After the scripts of a subject comes the port that
//! they implement, for every store that is [`Transactional`].
//!
//! # The order
//! First comes the key of the call. Then come the locks, in the order of [`crate::ports::Tx`], the facts, read under
//! the locks, the rule, the result of the rule, and the events. The audit entry is last, because its lock blocks all
//! others. Only the remembered call is written after it. The suite of the stores checks this order for every script, by
//! the operations that it notes.
//!
//! # Refusals
//! A refusal that goes on the audit log is a success for the transaction; otherwise its entry would be undone. Such
//! scripts return a result within the result.

pub mod api_key;
pub mod approval;
mod at_once;
#[cfg(feature = "faults")]
mod brittle;
mod calls;
pub mod change_report;
pub mod command;
pub mod login;
pub mod message;
mod operation;
pub mod operator_actions;
pub mod provider_config;
mod record;
pub mod retention;
mod run;
pub mod runner;
pub mod session;
pub mod sink;
mod status_change;
mod survey;
pub mod usage;

pub use self::at_once::{Waited, at_once};
#[cfg(feature = "faults")]
pub use self::brittle::{Break, Brittle, Fuse, Steps};
pub use self::message::append;
pub use self::session::control;
pub use self::usage::{Booking, book};

#[cfg(doc)]
use crate::ports::{Transactional, Tx};
