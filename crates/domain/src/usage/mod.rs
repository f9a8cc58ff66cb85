//! Usage: what agents say they have used, summed up, and budgets over the sums.
//!
//! An agent says it along with a message ([`Usage`]), and it counts when the message is written: a message that is sent
//! again is written once, so it counts once. Each session, each subtree and each mission has an [`Account`], booked in the
//! transaction of the message. A [`Budget`] is over a subtree or a mission; the booking that reaches it marks the account,
//! and [`crate::use_cases::EnforceBudgets`] pauses whom it concerns, on the record.
//!
//! Agents of other people count in other ways: running totals, or the same report again with each part of an answer. A
//! [`Meter`] makes of it what was used since the last report.

mod account;
mod budget;
mod cost;
mod meter;
mod report;
mod totals;

pub use account::{Account, AccountKey, Exhaustion, UnknownAccount};
pub use budget::{Budget, BudgetAction, BudgetDecision, BudgetRefused, EmptyBudget};
pub use cost::{Cost, InvalidCost};
pub use meter::{Meter, Reading};
pub use report::{InvalidUsage, Usage};
pub use totals::Totals;
