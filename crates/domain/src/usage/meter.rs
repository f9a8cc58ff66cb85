//! The meter: it turns running totals into differences.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Cost, Usage};

/// What an agent's runtime reports of its usage, in its own way of counting. A part that it does not report is missing.
///
/// Input is what the model was given, without what was read from a cache or written to it. A reader of an agent that
/// counts these as input subtracts them, exactly once ([`Reading::without_cache`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reading {
    /// The model, if the agent names it. Each model is counted separately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// See [`Usage::input_tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// See [`Usage::output_tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// See [`Usage::cache_read_tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// See [`Usage::cache_write_tokens`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// See [`Usage::cost`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<Cost>,
}

impl Reading {
    /// The member of a message's metadata with the last running totals of an agent, one reading for each model: where a
    /// session goes on that takes the conversation up.
    pub const TOTALS: &'static str = "totals";

    /// The same reading with the cached parts subtracted from its input.
    #[must_use]
    pub fn without_cache(self) -> Self {
        let cached = self.cache_read_tokens.unwrap_or(0).saturating_add(self.cache_write_tokens.unwrap_or(0));
        Self { input_tokens: self.input_tokens.map(|input| input.saturating_sub(cached)), ..self }
    }

    fn parts(&self) -> Parts {
        let cost = self.cost_usd.map(Cost::nanos);
        [self.input_tokens, self.output_tokens, self.cache_read_tokens, self.cache_write_tokens, cost]
    }

    fn of(model: Option<String>, parts: Parts) -> Self {
        let [input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost] = parts;
        let cost_usd = cost.map(Cost::from_nanos);
        Self { model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd }
    }
}

/// Four kinds of tokens, and billionths of a dollar.
type Parts = [Option<u64>; 5];

/// How many messages of a model are remembered. A repeated report about an older message counts again.
const REMEMBERED: usize = 1_000;

/// Counts what one session uses, however its agent reports it. The sum of its results is what was used.
///
/// - A *total* of everything so far counts by the amount above what was counted already. A total that is smaller than
///   the last one comes from an agent that began again, and counts completely.
/// - The usage of a *message* counts once by the message's id, however often it is reported; if a later report is
///   higher, the difference counts.
/// - The usage *since* the last report counts as it is.
///
/// Usage that was counted in the second and third way is subtracted from the next total that covers it.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    models: BTreeMap<Option<String>, Counted>,
}

/// What was counted for one model.
#[derive(Clone, Debug, Default)]
struct Counted {
    /// The last totals.
    told: Parts,
    /// What was counted and is not covered by a total yet.
    since: Parts,
    /// What was reported for single messages, oldest first.
    messages: VecDeque<(String, Parts)>,
}

impl Meter {
    /// A meter of a session that resumes an earlier one with these last totals: they are counted there.
    #[must_use]
    pub fn going_on_from(totals: impl IntoIterator<Item = Reading>) -> Self {
        let counted = |total: Reading| {
            let told = total.parts();
            (total.model, Counted { told, ..Counted::default() })
        };
        Self { models: totals.into_iter().map(counted).collect() }
    }

    /// The last totals, one for each model, for a session that resumes this one.
    #[must_use]
    pub fn totals(&self) -> Vec<Reading> {
        let told = self.models.iter().filter(|(_, counted)| counted.told.iter().any(Option::is_some));
        told.map(|(model, counted)| Reading::of(model.clone(), counted.told)).collect()
    }

    /// Counts a total of everything so far; gives what it adds, if anything.
    pub fn total(&mut self, total: Reading) -> Option<Usage> {
        let parts = total.parts();
        let counted = self.models.entry(total.model.clone()).or_default();
        let anew = began_anew(counted.told, parts);
        let mut more = [None; 5];
        let places = more.iter_mut().zip(parts).zip(counted.told.iter_mut().zip(&mut counted.since));
        for ((more, total), (told, since)) in places {
            let Some(total) = total else { continue };
            let base = if anew { 0 } else { told.unwrap_or(0) };
            let grown = total.saturating_sub(base);
            *more = Some(grown.saturating_sub(since.unwrap_or(0)));
            // What was counted beyond the total is owed to the next one.
            *since = since.map(|since| since.saturating_sub(grown));
            *told = Some(total);
        }
        Usage::of_parts(Reading::of(total.model, more))
    }

    /// Counts the usage of one message; gives what is new in it, if anything.
    pub fn message(&mut self, id: &str, used: Reading) -> Option<Usage> {
        let counted = self.models.entry(used.model.clone()).or_default();
        let parts = used.parts();
        let known = counted.messages.iter_mut().find(|(known, _)| known == id);
        let more = if let Some((_, known)) = known {
            let more = zipped(parts, *known, |now, before| Some(now?.saturating_sub(before.unwrap_or(0))));
            *known = zipped(parts, *known, Option::max);
            more
        } else {
            counted.messages.push_back((id.to_owned(), parts));
            if counted.messages.len() > REMEMBERED {
                counted.messages.pop_front();
            }
            parts
        };
        self.since(Reading::of(used.model, more))
    }

    /// Counts the usage since the last report, and gives it back, if there is any.
    pub fn since(&mut self, used: Reading) -> Option<Usage> {
        let counted = self.models.entry(used.model.clone()).or_default();
        counted.since = zipped(counted.since, used.parts(), |since, more| match (since, more) {
            (None, None) => None,
            (since, more) => Some(since.unwrap_or(0).saturating_add(more.unwrap_or(0))),
        });
        Usage::of_parts(used)
    }
}

/// Whether totals come from an agent that began again: it has used fewer tokens, or less money, than before.
fn began_anew(before: Parts, now: Parts) -> bool {
    let told = zipped(before, now, |before, now| now.and(before));
    let sum = |[input, output, read, write, _]: Parts| {
        [input, output, read, write].into_iter().flatten().fold(0_u64, u64::saturating_add)
    };
    let (tokens_before, tokens_now) = (sum(told), sum(zipped(now, told, |now, told| told.and(now))));
    let ([.., cost_before], [.., cost_now]) = (told, now);
    tokens_now < tokens_before || cost_before.is_some_and(|before| cost_now.is_some_and(|now| now < before))
}

fn zipped(a: Parts, b: Parts, with: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Parts {
    let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (a, b);
    [with(a0, b0), with(a1, b1), with(a2, b2), with(a3, b3), with(a4, b4)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(dollars: f64) -> Reading {
        Reading { cost_usd: Some(Cost::try_from(dollars).expect("an amount")), ..Reading::default() }
    }

    fn tokens(input: u64, read: u64, write: u64, output: u64) -> Reading {
        Reading {
            input_tokens: Some(input),
            output_tokens: Some(output),
            cache_read_tokens: Some(read),
            cache_write_tokens: Some(write),
            ..Reading::default()
        }
    }

    fn sum(counted: impl IntoIterator<Item = Option<Usage>>) -> super::super::Totals {
        counted.into_iter().flatten().fold(super::super::Totals::default(), |sum, usage| sum.with(&usage))
    }

    #[test]
    fn totals_become_differences() {
        let mut meter = Meter::default();
        let counted = [0.011_34, 0.022_68, 0.022_68, 0.039_69].map(|total| meter.total(cost(total)));
        assert_eq!(counted[2], None, "the same total again says nothing");
        assert_eq!(sum(counted).cost.to_string(), "0.03969");
    }

    #[test]
    fn a_smaller_total_is_that_of_an_agent_that_began_anew() {
        let mut meter = Meter::default();
        assert_eq!(sum([0.25, 0.05, 0.07, 0.30].map(|total| meter.total(cost(total)))).cost.to_string(), "0.55");
        let mut meter = Meter::default();
        let totals = [tokens(100, 0, 0, 10), tokens(20, 0, 0, 5), tokens(200, 0, 0, 30)];
        assert_eq!(sum(totals.map(|total| meter.total(total))).tokens(), 340);
    }

    #[test]
    fn a_session_that_takes_up_another_goes_on_from_its_totals() {
        let mut first = Meter::default();
        let mut counted = vec![first.total(cost(0.011_34))];
        let mut second = Meter::going_on_from(first.totals());
        counted.push(second.total(cost(0.022_68)));
        let told: Vec<Reading> =
            serde_json::from_value(serde_json::to_value(second.totals()).expect("JSON")).expect("readings");
        counted.push(Meter::going_on_from(told).total(cost(0.039_69)));
        assert_eq!(sum(counted).cost.to_string(), "0.03969");
    }

    #[test]
    fn what_comes_out_of_a_cache_or_goes_into_it_is_taken_out_of_the_input_once() {
        let reading = tokens(100, 40, 30, 10).without_cache();
        assert_eq!(reading, tokens(30, 40, 30, 10));
        let mut meter = Meter::default();
        let totals = [tokens(1_000, 0, 0, 100), tokens(3_000, 800, 0, 250)];
        assert_eq!(sum(totals.map(|total| meter.total(total.without_cache()))).tokens(), 3_250);
    }

    #[test]
    fn a_message_counts_once_and_the_total_that_covers_it_adds_the_rest() {
        let mut meter = Meter::default();
        let mut counted = vec![
            meter.message("a", tokens(50, 0, 0, 1)),
            meter.message("a", tokens(50, 0, 0, 1)),
            meter.message("a", tokens(50, 0, 0, 9)),
            meter.message("b", tokens(70, 0, 0, 2)),
        ];
        assert_eq!(counted[1], None);
        assert_eq!(sum(counted.clone()).tokens(), 131);
        counted.push(meter.total(tokens(120, 5, 0, 40)));
        assert_eq!(sum(counted.clone()).tokens(), 165);
        counted.push(meter.since(tokens(10, 0, 0, 0)));
        counted.push(meter.total(tokens(125, 5, 0, 41)));
        counted.push(meter.total(tokens(150, 5, 0, 41)));
        assert_eq!(sum(counted).tokens(), 196, "what was counted too early is not counted again");
    }

    #[test]
    fn tokens_and_money_that_are_told_apart_do_not_disturb_each_other() {
        let mut meter = Meter::default();
        let counted = [
            meter.since(tokens(10, 0, 0, 1)),
            meter.total(cost(0.5)),
            meter.since(tokens(10, 0, 0, 1)),
            meter.total(cost(0.75)),
        ];
        let sum = sum(counted);
        assert_eq!((sum.tokens(), sum.cost.to_string().as_str(), sum.reports), (22, "0.75", 4));
    }

    #[test]
    fn each_model_has_counts_of_its_own() {
        let of = |model: &str, input| Reading { model: Some(model.to_owned()), ..tokens(input, 0, 0, 0) };
        let mut meter = Meter::default();
        let counted = [meter.total(of("large", 100)), meter.total(of("small", 10)), meter.total(of("large", 150))];
        assert_eq!(counted[2].as_ref().map(|usage| (usage.input_tokens(), usage.model())), Some((50, Some("large"))));
        assert_eq!(sum(counted).tokens(), 160);
        assert_eq!(meter.totals().len(), 2);
    }
}
