//! Permission requests, approvals for short: an agent asks, an operator decides.
//!
//! An [`Ask`] opens one, an [`ApprovalAction`] decides it, a [`Withdrawal`] takes it back, an [`Expiry`] closes it when its
//! deadline has passed, and the end of its session closes all that are open. While one is open, the session waits.

mod ask;
mod closing;
mod event;
mod follow;
mod form;
mod option;
mod request;
mod withdrawal;

pub use ask::{Ask, AskRefused, Asked, Opened};
pub use closing::{ApprovalAction, ApprovalDecision, ApprovalFacts, ApprovalRefused, Closing, Expiry};
pub use follow::Follow;
pub use form::{Form, InvalidAnswer};
pub use option::{ApprovalOption, ApprovalOptions, InvalidOptions, NoOptions, UnknownOption};
pub use request::{
    Approval, ApprovalState, ApprovalStatus, ExpiryReason, UnknownApprovalStatus, UnknownExpiryReason, Verdict,
};
pub use withdrawal::{Withdrawal, WithdrawalRefused, Withdrawn};
