//! The result of every operation on rows.

use crate::ports::StoreUnavailable;

/// The result of an operation.
pub type Rows<T> = Result<T, StoreUnavailable>;
