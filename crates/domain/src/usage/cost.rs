//! Money.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of US dollars, exact to a billionth, because the price of a single token is seldom a whole millionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Cost(u64);

/// A number that is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no amount of US dollars: a number from 0 to 1000000000")]
pub struct InvalidCost(pub f64);

const NANOS: u64 = 1_000_000_000;

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps a number of billionths. Values above `i64::MAX` never occur in a store and are clamped to it.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        if nanos > i64::MAX.unsigned_abs() { Self(i64::MAX.unsigned_abs()) } else { Self(nanos) }
    }

    /// Billionths of a dollar.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The sum; it stops at the largest amount.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self::from_nanos(self.0.saturating_add(other.0))
    }
}

impl TryFrom<f64> for Cost {
    type Error = InvalidCost;

    /// Rounds to a whole billionth.
    fn try_from(dollars: f64) -> Result<Self, InvalidCost> {
        if !(0.0..=1e9).contains(&dollars) {
            return Err(InvalidCost(dollars));
        }
        // The text has exactly nine digits behind the point, so without it it is the number of billionths.
        let digits = format!("{dollars:.9}").replace('.', "");
        digits.parse().map(Self::from_nanos).map_err(|_too_long| InvalidCost(dollars))
    }
}

impl From<Cost> for f64 {
    fn from(cost: Cost) -> Self {
        // The nearest number to an exact decimal; the text always is one.
        format!("{}.{:09}", cost.0 / NANOS, cost.0 % NANOS).parse().unwrap_or_default()
    }
}

impl fmt::Display for Cost {
    /// Two digits after the point, and more if they are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", self.0 / NANOS, self.0 % NANOS);
        let shortest = text.len().saturating_sub(7);
        let end = text.trim_end_matches('0').len().max(shortest);
        f.write_str(text.get(..end).unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_keeps_a_billionth_and_reads_back_the_same() {
        for (dollars, nanos) in [(0.0, 0), (0.1, 100_000_000), (0.000_000_3, 300), (1e9, 1_000_000_000_000_000_000)] {
            let cost = Cost::try_from(dollars).expect("an amount");
            assert_eq!((cost.nanos(), f64::from(cost)), (nanos, dollars));
        }
        assert_eq!(Cost::try_from(0.000_000_000_6).expect("rounded").nanos(), 1);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for dollars in [-0.01, f64::NAN, f64::INFINITY, 1e9 + 1.0] {
            assert!(Cost::try_from(dollars).is_err(), "{dollars}");
        }
    }

    #[test]
    fn a_sum_is_exact_where_fractions_of_two_are_not() {
        let tenth = Cost::try_from(0.1).expect("an amount");
        let sum = tenth.saturating_add(Cost::try_from(0.2).expect("an amount"));
        assert_eq!(sum, Cost::try_from(0.3).expect("an amount"));
        assert_eq!(Cost::from_nanos(u64::MAX).saturating_add(tenth).nanos(), i64::MAX.unsigned_abs());
    }

    #[test]
    fn it_is_shown_with_at_least_two_digits() {
        let shown = |nanos| Cost::from_nanos(nanos).to_string();
        assert_eq!([shown(0), shown(5_000_000_000), shown(1_230_400_000)], ["0.00", "5.00", "1.2304"]);
    }
}
