//! The rules as they are kept.

use super::{RetentionLease, RetentionRules};
use crate::provider_config::Changed;

/// The rules of a deployment, and which replica follows them at present. Before the first change there are no rules, at
/// revision zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The rules.
    pub rules: RetentionRules,
    /// Rises with each change.
    pub revision: u64,
    /// Who changed them last; `None` before the first change.
    pub changed: Option<Changed>,
    /// Which replica archives and removes.
    pub lease: RetentionLease,
}
