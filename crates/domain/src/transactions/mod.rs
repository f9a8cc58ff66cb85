//! The script of each transaction, once for all stores: what is read under which lock, which rule is asked, what is written
//! in which order.
//!
//! A script is a function over [`Tx`], next to the others of its subject. Below the scripts of a subject stands the port
//! that they make up, for everything that is [`Transactional`].
//!
//! # The order
//! A key of calls first; then the locks, in the order of [`crate::ports::Tx`]; the facts, read under them; the rule; what the
//! rule gives back; events; the audit entry last, for from it on everybody else waits. What a call is remembered by is
//! written after that, and is the one thing that is. The suite of the stores holds every script to this order, by the
//! operations that it notes.
//!
//! # Refusals
//! A refusal that goes on the audit log is a success to the transaction, or its entry would be undone: such scripts give a
//! result within the result.

pub mod api_key;
pub mod approval;
mod at_once;
#[cfg(feature = "faults")]
mod brittle;
mod calls;
pub mod command;
pub mod login;
pub mod message;
mod operation;
pub mod operator_actions;
mod record;
mod run;
pub mod session;
mod status_change;
pub mod usage;

pub use self::at_once::{Waited, at_once};
#[cfg(feature = "faults")]
pub use self::brittle::{Break, Brittle, Fuse, Steps};
pub use self::message::append;
pub use self::session::control;
pub use self::usage::{Booking, book};

#[cfg(doc)]
use crate::ports::{Transactional, Tx};
