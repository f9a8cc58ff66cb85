//! Permission requests ("approvals" in the code): an agent asks, an operator decides.
//!
//! An [`Ask`] opens a request, an [`ApprovalAction`] decides it, a [`Withdrawal`] takes it back, and an [`Expiry`]
//! closes it when its deadline has passed. The end of a session closes all its open requests. While a request is open,
//! the session waits.

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
