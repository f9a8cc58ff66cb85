//! Sums of usage.

use super::{Cost, Usage};

/// The sum of many reports. No sum overflows: it stops at the largest number that a store can keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// See [`Usage::input_tokens`].
    pub input_tokens: u64,
    /// See [`Usage::output_tokens`].
    pub output_tokens: u64,
    /// See [`Usage::cache_read_tokens`].
    pub cache_read_tokens: u64,
    /// See [`Usage::cache_write_tokens`].
    pub cache_write_tokens: u64,
    /// The sum of the reported costs.
    pub cost: Cost,
    /// How many reports there were.
    pub reports: u64,
    /// How many of them reported a cost. If these are fewer, the cost is only a part of the whole.
    pub priced_reports: u64,
}

fn sum(a: u64, b: u64) -> u64 {
    a.saturating_add(b).min(i64::MAX.unsigned_abs())
}

impl Totals {
    /// The sum with one more report.
    #[must_use]
    pub fn with(self, usage: &Usage) -> Self {
        self.plus(Self {
            input_tokens: usage.input_tokens(),
            output_tokens: usage.output_tokens(),
            cache_read_tokens: usage.cache_read_tokens(),
            cache_write_tokens: usage.cache_write_tokens(),
            cost: usage.cost().unwrap_or_default(),
            reports: 1,
            priced_reports: u64::from(usage.cost().is_some()),
        })
    }

    /// The sum of two sums.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: sum(self.input_tokens, other.input_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
            cache_read_tokens: sum(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens: sum(self.cache_write_tokens, other.cache_write_tokens),
            cost: self.cost.saturating_add(other.cost),
            reports: sum(self.reports, other.reports),
            priced_reports: sum(self.priced_reports, other.priced_reports),
        }
    }

    /// Tokens of all kinds.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        [self.output_tokens, self.cache_read_tokens, self.cache_write_tokens].into_iter().fold(self.input_tokens, sum)
    }

    /// Whether nothing was reported.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.reports == 0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::new_message;
    use crate::message::NewMessage;
    use crate::text::JsonObject;

    fn said(n: u128, usage: serde_json::Value) -> NewMessage {
        let metadata = serde_json::Map::from_iter([("usage".to_owned(), usage)]);
        NewMessage { metadata: JsonObject::trusted(metadata.into()), ..new_message(n) }
    }

    #[test]
    fn only_reports_count_and_it_is_known_how_many_had_a_price() {
        let batch = [
            said(1, json!({"inputTokens": 10, "outputTokens": 2, "costUsd": 0.5})),
            new_message(2),
            said(3, json!({"cacheReadTokens": 30, "cacheWriteTokens": 4})),
            said(4, json!("a lot")),
        ];
        let reports = batch.iter().filter_map(|message| Usage::of(&message.metadata));
        let totals = reports.fold(Totals::default(), |sum, usage| sum.with(&usage));
        assert_eq!((totals.tokens(), totals.reports, totals.priced_reports), (46, 2, 1));
        assert_eq!(totals.cost.to_string(), "0.50");
    }

    #[test]
    fn a_sum_stops_at_what_a_store_can_keep() {
        let most = Totals { input_tokens: i64::MAX.unsigned_abs(), ..Totals::default() };
        let more = most.plus(Totals { input_tokens: 1, output_tokens: 1, ..Totals::default() });
        assert_eq!((more.input_tokens, more.tokens()), (most.input_tokens, most.input_tokens));
    }
}
