//! The operations of a transaction, one file for each trait of [`flightdeck_domain::ports::Tx`].

mod access;
mod approval;
mod change_report;
mod control;
mod provider_config;
mod record;
mod retention;
mod runner;
mod session;
mod sink;
mod survey;
mod talk;
mod usage;
