//! Usage that is told twice is counted once.

use flightdeck_domain::usage::{Cost, Meter, Reading, Usage};
use serde_json::Value;

/// Counts what is told of messages as they go by, and what totals add to it.
///
/// The two name models in different ways (`claude-opus` in a message, `claude-opus[1m]` in the total), and a total may cover
/// a message under a model that the message does not name. So a total takes off what was counted of its own model first, then
/// of one whose name is nearly the same, then of any other.
#[derive(Debug, Default)]
pub(super) struct Count {
    totals: Meter,
    messages: Meter,
    ahead: Vec<Ahead>,
}

/// What was counted of messages and no total has covered yet.
#[derive(Debug)]
struct Ahead {
    model: Option<String>,
    /// Whether it is that of a sub-agent.
    below: bool,
    tokens: [u64; 4],
}

/// What a total adds.
struct Grown {
    model: Option<String>,
    tokens: [u64; 4],
    cost: Option<Cost>,
}

impl Count {
    /// The totals of an earlier run of the same session: they are counted there.
    pub(super) fn going_on_from(&mut self, totals: impl IntoIterator<Item = Reading>) {
        self.totals = Meter::going_on_from(totals);
    }

    /// The last totals, for a run that takes this one up.
    pub(super) fn told(&self) -> Vec<Reading> {
        self.totals.totals()
    }

    /// What was used for a message, of a sub-agent or not; gives what is new in it.
    pub(super) fn message(&mut self, id: &str, used: Reading, below: bool) -> Option<Usage> {
        let more = self.messages.message(id, used)?;
        let (model, tokens) = (more.model().map(ToOwned::to_owned), tokens(&more));
        let known = self.ahead.iter_mut().find(|ahead| ahead.below == below && ahead.model == model);
        match known {
            Some(known) => {
                for (known, more) in known.tokens.iter_mut().zip(tokens) {
                    *known = known.saturating_add(more);
                }
            }
            None => self.ahead.push(Ahead { model, below, tokens }),
        }
        Some(more)
    }

    /// Totals of everything so far, sub-agents included, one a model; gives what they add.
    pub(super) fn totals(&mut self, told: impl IntoIterator<Item = Reading>) -> Vec<Usage> {
        let grown = told.into_iter().filter_map(|total| self.totals.total(total)).map(Grown::from).collect();
        self.without_what_was_counted(grown, true)
    }

    /// What was used since the last report, without what sub-agents used; gives what is new in it.
    pub(super) fn since(&mut self, used: Reading) -> Vec<Usage> {
        let grown = Meter::default().since(used).map(Grown::from).into_iter().collect();
        self.without_what_was_counted(grown, false)
    }

    fn without_what_was_counted(&mut self, mut grown: Vec<Grown>, below: bool) -> Vec<Usage> {
        let same: [fn(&str, &str) -> bool; 3] =
            [|one, other| one == other, |one, other| family(one) == family(other), |_, _| true];
        for same in same {
            for grown in &mut grown {
                for ahead in self.ahead.iter_mut().filter(|ahead| below || !ahead.below) {
                    let names =
                        (grown.model.as_deref().unwrap_or_default(), ahead.model.as_deref().unwrap_or_default());
                    if same(names.0, names.1) {
                        for (grown, ahead) in grown.tokens.iter_mut().zip(&mut ahead.tokens) {
                            let covered = (*grown).min(*ahead);
                            *grown -= covered;
                            *ahead -= covered;
                        }
                    }
                }
            }
        }
        self.ahead.retain(|ahead| ahead.tokens != [0; 4]);
        grown.into_iter().filter_map(Grown::usage).collect()
    }
}

fn tokens(usage: &Usage) -> [u64; 4] {
    [usage.input_tokens(), usage.output_tokens(), usage.cache_read_tokens(), usage.cache_write_tokens()]
}

impl From<Usage> for Grown {
    fn from(usage: Usage) -> Self {
        Self { model: usage.model().map(ToOwned::to_owned), tokens: tokens(&usage), cost: usage.cost() }
    }
}

impl Grown {
    fn usage(self) -> Option<Usage> {
        let [input, output, read, write] = self.tokens.map(Some);
        Meter::default().since(Reading {
            model: self.model,
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: read,
            cache_write_tokens: write,
            cost_usd: self.cost,
        })
    }
}

/// The same, of a model that the command names.
pub(super) fn named(usage: Usage, model: Option<&str>) -> Option<Usage> {
    Grown { model: model.map(ToOwned::to_owned), ..Grown::from(usage) }.usage()
}

/// A model's name without what tells its variants apart: `[1m]`, a date, a version behind `@`.
fn family(model: &str) -> &str {
    let name = model.split(['[', '@', ':']).next().unwrap_or(model);
    match name.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// How usage is named in JSON: the fields of the input, the output, and what came out of a cache and went into one.
pub(super) type Names = [&'static str; 4];

/// Reads usage; the cost is told elsewhere.
pub(super) fn reading(told: &Value, names: Names, model: Option<&str>) -> Reading {
    let [input, output, read, write] = names.map(|name| told.get(name).and_then(number));
    Reading {
        model: model.filter(|model| !model.trim().is_empty()).map(ToOwned::to_owned),
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: read,
        cache_write_tokens: write,
        cost_usd: None,
    }
}

/// A number of tokens; some languages write it as `700.0`.
pub(super) fn number(value: &Value) -> Option<u64> {
    let whole = |number: f64| format!("{number:.0}").parse().ok();
    value.as_u64().or_else(|| value.as_f64().filter(|number| (0.0..1e15).contains(number)).and_then(whole))
}

/// An amount of US dollars.
pub(super) fn cost(value: &Value) -> Option<Cost> {
    Cost::try_from(value.as_f64()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAMES: Names = ["in", "out", "read", "write"];

    fn used(model: &str, input: u64, output: u64) -> Reading {
        reading(&json!({"in": input, "out": output}), NAMES, Some(model))
    }

    fn sums(counted: &[Usage]) -> Vec<(String, [u64; 4])> {
        counted.iter().map(|usage| (usage.model().unwrap_or("none").to_owned(), tokens(usage))).collect()
    }

    #[test]
    fn a_total_adds_what_no_message_has_told() {
        let mut count = Count::default();
        assert!(count.message("a", used("large", 700, 1), false).is_some());
        assert_eq!(count.message("a", used("large", 700, 1), false), None, "the same message again");
        let added = count.totals([used("large", 700, 40), used("small", 10, 5)]);
        assert_eq!(sums(&added), [("large".to_owned(), [0, 39, 0, 0]), ("small".to_owned(), [10, 5, 0, 0])]);
        assert!(count.totals([used("large", 700, 40), used("small", 10, 5)]).is_empty());
    }

    #[test]
    fn a_model_of_another_name_is_not_counted_twice() {
        for (message, total) in [("opus", "opus[1m]"), ("opus-4-20250929", "opus-4"), ("sonnet", "opus")] {
            let mut count = Count::default();
            count.message("a", used(message, 700, 1), false);
            let added = count.totals([used(total, 700, 40)]);
            assert_eq!(sums(&added), [(total.to_owned(), [0, 39, 0, 0])], "{message}");
        }
        // Its own model first: the rest is what the other has.
        let mut count = Count::default();
        count.message("a", used("large", 100, 0), false);
        count.message("b", used("large[1m]", 10, 0), false);
        let added = count.totals([used("large[1m]", 15, 0), used("large", 100, 0)]);
        assert_eq!(sums(&added), [("large[1m]".to_owned(), [5, 0, 0, 0])]);
    }

    #[test]
    fn what_covers_no_sub_agent_takes_nothing_of_theirs_off() {
        let mut count = Count::default();
        count.message("a", used("m", 700, 1), false);
        count.message("b", used("m", 300, 1), true);
        assert_eq!(sums(&count.since(used("m", 700, 40))), [("m".to_owned(), [0, 39, 0, 0])]);
    }

    #[test]
    fn numbers_are_read_as_other_languages_write_them() {
        assert_eq!(
            [json!(7), json!(7.0), json!(-1), json!("7"), json!(1e300)].map(|value| number(&value)),
            [Some(7), Some(7), None, None, None]
        );
    }
}
