//! What a server measures of itself, as Prometheus reads it.
//!
//! [`Meters`] are counted while the server works, each by one update of a shared number. Everything else is looked up when
//! somebody asks, and put into an [`Exposition`] beside them.
//!
//! *Invariant.* Labels are bounded: words of the domain, names of workers, and names that an admin has given. No label is an
//! id, or a text that an agent wrote.
//!
//! # What does not belong here
//! What the numbers mean to the fleet. The names and the help texts of looked-up numbers are with whoever looks them up.

mod exposition;
mod meters;
#[cfg(test)]
mod tests;

pub use exposition::{Exposition, Format, Labels};
pub use meters::Meters;
