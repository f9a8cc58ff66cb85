//! What every operation on rows gives.

use crate::ports::StoreUnavailable;

/// What an operation gives.
pub type Rows<T> = Result<T, StoreUnavailable>;
