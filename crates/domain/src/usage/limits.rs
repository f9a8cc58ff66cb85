//! Limits, and what is measured by them.

use serde::{Deserialize, Serialize};

use super::{Cost, Totals};
use crate::day::Day;

/// The time for which a limit holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// All time, since the first report.
    Total,
    /// A month of the calendar, in UTC.
    Month,
    /// A day, in UTC.
    Day,
}

impl Span {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Total, Self::Month, Self::Day];

    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Month => "month",
            Self::Day => "day",
        }
    }
}

/// What may be used; nothing of it limits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// The largest cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Cost>,
    /// The largest number of tokens, of all kinds together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
}

impl Limits {
    /// Whether they limit nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.max_cost.is_none() && self.max_tokens.is_none()
    }

    /// Whether one of them is reached.
    #[must_use]
    pub fn is_reached(&self, spent: &Spent) -> bool {
        self.is_share_reached(100, spent)
    }

    /// Whether so many hundredths of one of them are reached.
    #[must_use]
    pub fn is_share_reached(&self, percent: u8, spent: &Spent) -> bool {
        let reached = |used: u64, most: u64| u128::from(used) * 100 >= u128::from(most) * u128::from(percent);
        self.max_cost.is_some_and(|most| reached(spent.cost.nanos(), most.nanos()))
            || self.max_tokens.is_some_and(|most| reached(spent.tokens, most))
    }

    /// What is used of them, in words.
    #[must_use]
    pub fn told(&self, spent: &Spent) -> String {
        let cost = self.max_cost.map(|most| format!("{} of {most} US dollars", spent.cost));
        let tokens = self.max_tokens.map(|most| format!("{} of {most} tokens", spent.tokens));
        cost.into_iter().chain(tokens).collect::<Vec<_>>().join(", ")
    }
}

/// What was used, as far as limits count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spent {
    /// The cost.
    pub cost: Cost,
    /// Tokens of all kinds.
    pub tokens: u64,
}

impl Spent {
    /// With what was used besides.
    #[must_use]
    pub fn plus(self, used: &Totals) -> Self {
        Self {
            cost: self.cost.saturating_add(used.cost),
            tokens: self.tokens.saturating_add(used.tokens()).min(i64::MAX.unsigned_abs()),
        }
    }
}

impl From<&Totals> for Spent {
    fn from(totals: &Totals) -> Self {
        Self { cost: totals.cost, tokens: totals.tokens() }
    }
}

/// What was used since the first day of a month or on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first day.
    pub since: Day,
    /// What was used.
    pub spent: Spent,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(amount: f64) -> Cost {
        Cost::try_from(amount).expect("an amount")
    }

    #[test]
    fn the_limit_that_is_reached_first_counts() {
        let limits = Limits { max_cost: Some(dollars(1.0)), max_tokens: Some(100) };
        let spent = |cost, tokens| Spent { cost: dollars(cost), tokens };
        assert!(!limits.is_reached(&spent(0.99, 99)));
        assert!(limits.is_reached(&spent(1.0, 0)));
        assert!(limits.is_reached(&spent(0.0, 100)));
        assert!(!limits.is_share_reached(80, &spent(0.79, 79)));
        assert!(limits.is_share_reached(80, &spent(0.8, 0)));
        assert!(Limits { max_cost: Some(Cost::ZERO), max_tokens: None }.is_reached(&spent(0.0, 0)));
        assert!(!Limits::default().is_reached(&spent(1e9, u64::MAX)));
    }

    #[test]
    fn what_is_used_is_told_beside_each_limit() {
        let limits = Limits { max_cost: Some(dollars(1.0)), max_tokens: Some(100) };
        let spent = Spent { cost: dollars(1.25), tokens: 7 };
        assert_eq!(limits.told(&spent), "1.25 of 1.00 US dollars, 7 of 100 tokens");
    }
}
