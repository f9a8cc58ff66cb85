//! A row of one number.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// The one number that a statement gives under the name `n`.
#[derive(Debug, QueryableByName)]
pub struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl Number {
    /// A count; no database has one below zero.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::try_from(self.n).unwrap_or_default()
    }
}
