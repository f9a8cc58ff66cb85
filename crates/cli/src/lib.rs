//! The commands that ask a running server, and the live tree: what is typed ([`Command`]), what is done, and what it ends
//! with ([`exit_of`]).
//!
//! # What does not belong here
//! HTTP (`flightdeck-client`), what a terminal needs (`flightdeck-terminal`), databases, child processes.

mod ask;
mod author;
mod branches;
mod commands;
mod error;
mod grammar;
mod ids;
mod layout;
mod operator;
mod watch;

pub use commands::{audit_export, audit_list, audit_verify, run};
pub use error::{CommandError, exit_of, fault_of};
pub use grammar::{AuditListArgs, Command};
