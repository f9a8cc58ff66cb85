//! The operations of a transaction, one file for each trait of [`flightdeck_domain::ports::Tx`].

mod access;
mod approval;
mod control;
mod record;
mod session;
mod talk;
mod usage;
