//! Runners: programs on other machines that start agents and report for them.
//!
//! An [`Assignment`] is a session whose agent is to be started by a runner. It waits until a runner that
//! [fits](Assignment::unfit) leases it; the lease has a fencing token. Whoever confirms the start with the newest token has
//! the assignment until its end: from then on the token never changes. So a report that was checked against the token
//! stays good, and an assignment that two runners think they hold is started by one of them.

mod assignment;
#[cfg(test)]
pub(crate) mod fixtures;
mod lease;
mod record;
mod registration;
mod text;

pub use assignment::{Assignment, AssignmentFilter, AssignmentState, Fence};
pub use lease::{AssignmentRefused, Lease, LeaseRequest, StartRequest};
pub use record::{Runner, RunnerState, WhenLost};
pub use registration::{Heard, RunnerChange, RunnerRefused, RunnerRegistration, RunnerWish};
pub use text::{Offer, RunnerName, RunnerVersion};
