//! Usage: what agents report that they used, summed up, and budgets over the sums.
//!
//! An agent reports it with a message ([`Usage`]), and it counts when the message is written. A repeated message is
//! written once, so it counts once. Each session, each subtree and each mission has an [`Account`], which is booked in
//! the transaction of the message. A [`Budget`] is over a subtree or a mission. The booking that reaches it marks the
//! account, and [`crate::use_cases::EnforceBudgets`] pauses the sessions of the account, with an audit entry.
//!
//! Other agents count in other ways: they report running totals, or repeat the same report with each part of an answer.
//! A [`Meter`] turns this into the usage since the last report.

mod account;
mod budget;
mod cost;
mod daily;
mod limits;
mod meter;
mod report;
mod totals;

pub use account::{Account, AccountKey, Booked, Exhaustion, UnknownAccount, Windows};
pub use budget::{Budget, BudgetAction, BudgetDecision, BudgetRefused, InvalidBudget};
pub use cost::{Cost, InvalidCost};
pub use daily::{UnknownUsageBy, UsageBy, UsageDay, UsageLine, UsageOf, UsageQuery, Used};
pub use limits::{Limits, Span, Spent, Window};
pub use meter::{Meter, Reading};
pub use report::{InvalidUsage, Usage};
pub use totals::Totals;
