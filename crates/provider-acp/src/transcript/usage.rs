//! What an agent has used, wherever it says so.

use std::collections::BTreeMap;

use flightdeck_domain::message::MessageRole;
use flightdeck_domain::usage::{Cost, Meter, Reading, Usage};
use serde_json::{Value, json};

use super::{Line, line};
use crate::config::UsageScope;

/// Counts what a session uses: one meter, whatever the agent's way of telling.
#[derive(Debug, Default)]
pub(super) struct Counter {
    scope: UsageScope,
    meter: Meter,
    /// What all turns have used, of an agent that tells of each turn by itself, by model.
    turns: BTreeMap<Option<String>, Reading>,
    /// What was counted and is not told, by model.
    untold: BTreeMap<Option<String>, Sum>,
    /// What the agent last said of its context and of its cost.
    context: Option<Value>,
    /// How many turns have ended.
    ended: u64,
}

/// Of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    tokens: [u64; 4],
    cost: Option<Cost>,
}

impl Counter {
    pub(super) fn new(scope: UsageScope) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Goes on from the totals of the session that this one takes up.
    pub(super) fn go_on_from(&mut self, totals: Vec<Reading>) {
        if self.scope == UsageScope::Turn {
            self.turns =
                totals.iter().map(|total| (total.model.clone(), Reading { cost_usd: None, ..total.clone() })).collect();
        }
        self.meter = Meter::going_on_from(totals);
    }

    /// Takes in a `usage_update`. What is repeated of an earlier session was counted there.
    pub(super) fn update(&mut self, update: &Value, replayed: bool) {
        let cost = update.get("cost").and_then(dollars);
        if let Some(cost) = cost {
            let counted = self.meter.total(Reading { cost_usd: Some(cost), ..Reading::default() });
            if !replayed {
                self.count(counted);
            }
        }
        if !replayed {
            // What is told several times in a turn grows.
            let turn = format!("turn {}", self.ended);
            self.meta(&turn, update.get("_meta"));
            let told = update.get("usage").or_else(|| update.get("tokens")).unwrap_or(update);
            if let Some(reading) = reading(told) {
                let counted = self.meter.message(&turn, reading);
                self.count(counted);
            }
            self.context = Some(update.clone());
        }
    }

    /// Takes in what an agent says beside a message.
    pub(super) fn meta(&mut self, message: &str, meta: Option<&Value>) {
        let Some(meta) = meta else { return };
        for reading in of_meta(meta) {
            let counted = self.meter.message(message, reading);
            self.count(counted);
        }
    }

    /// Takes in the answer to a prompt.
    pub(super) fn answered(&mut self, result: &Value) {
        self.ended += 1;
        let meta = result.get("_meta").map(of_meta).unwrap_or_default();
        let readings = match result.get("usage").and_then(reading) {
            // Of agents that say both, the latter has the names of the models and covers more.
            _ if !meta.is_empty() => meta,
            Some(reading) => vec![reading],
            None => return,
        };
        for reading in readings {
            let total = match self.scope {
                UsageScope::Session => reading,
                UsageScope::Turn => {
                    let turns = self.turns.entry(reading.model.clone()).or_default();
                    *turns = sum(turns, &reading);
                    turns.clone()
                }
            };
            let counted = self.meter.total(total);
            self.count(counted);
        }
    }

    /// Whether something was counted that is not told.
    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Whether there is something to tell.
    pub(super) fn has_news(&self) -> bool {
        self.context.is_some() || !self.untold.is_empty()
    }

    /// What is to be told: one message for each model, and what the agent says of its context with the first.
    pub(super) fn told(&mut self) -> Vec<Line> {
        let context = self.context.take();
        let mut untold = std::mem::take(&mut self.untold);
        // Agents tell what it cost apart from the tokens of each model.
        if untold.len() >= 2
            && let Some(costs) = untold.remove(&None)
        {
            match untold.values_mut().next() {
                Some(sum) if costs.tokens == [0; 4] && sum.cost.is_none() => sum.cost = costs.cost,
                _ => drop(untold.insert(None, costs)),
            }
        }
        let mut used: Vec<(Option<String>, Option<Sum>)> =
            untold.into_iter().map(|(model, sum)| (model, Some(sum))).collect();
        if used.is_empty() && context.is_some() {
            used.push((None, None));
        }
        let totals = self.meter.totals();
        let mut lines = Vec::new();
        for (place, (model, sum)) in used.into_iter().enumerate() {
            let context = context.as_ref().filter(|_| place == 0);
            let counted = sum.and_then(|sum| sum.usage(model.as_deref()));
            let mut about = json!({"type": "usage"});
            if let Value::Object(about) = &mut about {
                if let Some(context) = context {
                    for (name, ours) in [("used", "contextUsed"), ("size", "contextSize")] {
                        about.insert(ours.to_owned(), context.get(name).cloned().unwrap_or_default());
                    }
                    about.insert("cost".to_owned(), context.get("cost").map(tidy_cost).unwrap_or_default());
                }
                if let Some(counted) = &counted {
                    about.insert(Usage::KEY.to_owned(), json!(counted));
                }
                if !totals.is_empty() {
                    about.insert(TOTALS.to_owned(), json!(totals));
                }
            }
            lines.extend(line(MessageRole::System, text(context, counted.as_ref()), about));
        }
        lines
    }

    fn count(&mut self, counted: Option<Usage>) {
        let Some(counted) = counted else { return };
        let sum = self.untold.entry(counted.model().map(str::to_owned)).or_default();
        let more = [
            counted.input_tokens(),
            counted.output_tokens(),
            counted.cache_read_tokens(),
            counted.cache_write_tokens(),
        ];
        for (sum, more) in sum.tokens.iter_mut().zip(more) {
            *sum = sum.saturating_add(more);
        }
        if let Some(cost) = counted.cost() {
            sum.cost = Some(sum.cost.unwrap_or_default().saturating_add(cost));
        }
    }
}

/// The member of a usage message's metadata that has the last totals, for a session that goes on from there.
pub(crate) const TOTALS: &str = Reading::TOTALS;

impl Sum {
    fn usage(self, model: Option<&str>) -> Option<Usage> {
        let [input, output, read, write] = self.tokens.map(|tokens| tokens.min(Usage::MOST_TOKENS));
        let mut fields = if self.tokens == [0; 4] {
            json!({})
        } else {
            json!({
                "inputTokens": input, "outputTokens": output, "cacheReadTokens": read, "cacheWriteTokens": write,
            })
        };
        if let Value::Object(fields) = &mut fields {
            if let Some(model) = model {
                fields.insert("model".to_owned(), model.into());
            }
            if let Some(cost) = self.cost {
                fields.insert("costUsd".to_owned(), json!(cost));
            }
        }
        serde_json::from_value(fields).ok()
    }
}

fn text(context: Option<&Value>, counted: Option<&Usage>) -> String {
    let number = |value: &Value| value.as_u64().map_or_else(|| "?".to_owned(), |number| number.to_string());
    let mut parts = Vec::new();
    if let Some(context) = context
        && let (Some(used), Some(size)) = (context.get("used"), context.get("size"))
    {
        parts.push(format!("context {} of {} tokens", number(used), number(size)));
    }
    if let Some(cost) = context.and_then(|context| context.get("cost")).filter(|cost| !cost.is_null()) {
        let currency = cost.get("currency").and_then(Value::as_str).unwrap_or("of some currency");
        parts.push(format!("cost {} {currency} so far", amount(cost)));
    }
    if let Some(counted) = counted {
        let cached = counted.cache_read_tokens().saturating_add(counted.cache_write_tokens());
        let (input, output) = (counted.input_tokens(), counted.output_tokens());
        if input.saturating_add(output).saturating_add(cached) > 0 {
            let cached = if cached == 0 { String::new() } else { format!(", {cached} cached") };
            let model = counted.model().map(|model| format!(" by {model}")).unwrap_or_default();
            parts.push(format!("used {input} tokens in{cached}, {output} out{model}"));
        } else if parts.is_empty()
            && let Some(cost) = counted.cost()
        {
            parts.push(format!("cost {cost} USD"));
        }
    }
    if parts.is_empty() { "usage".to_owned() } else { parts.join(", ") }
}

/// An amount as an exact decimal; what is none is shown as it came.
fn amount(cost: &Value) -> String {
    let given = cost.get("amount").unwrap_or(&Value::Null);
    number(given)
        .and_then(|given| Cost::try_from(given).ok())
        .map_or_else(|| given.to_string(), |cost| cost.to_string())
}

/// Without the dust that sums of fractions of two leave behind.
fn tidy_cost(cost: &Value) -> Value {
    let mut cost = cost.clone();
    let given = cost.get("amount").and_then(number).and_then(|given| Cost::try_from(given).ok());
    if let (Some(given), Some(map)) = (given, cost.as_object_mut()) {
        map.insert("amount".to_owned(), json!(given));
    }
    cost
}

/// What something costs, where it is told in US dollars.
fn dollars(cost: &Value) -> Option<Cost> {
    let currency = cost.get("currency").and_then(Value::as_str).unwrap_or("USD");
    if !currency.eq_ignore_ascii_case("USD") {
        return None;
    }
    Cost::try_from(number(cost.get("amount")?)?).ok()
}

/// A number, also one that is written as a text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// What the metadata of a message say of usage.
fn of_meta(meta: &Value) -> Vec<Reading> {
    let quota = meta.get("quota").unwrap_or(&Value::Null);
    let models = quota.get("model_usage").or_else(|| quota.get("modelUsage")).and_then(Value::as_array);
    let of_models: Vec<Reading> = models
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let model = one.get("model").and_then(Value::as_str).map(str::to_owned);
            let counts = one.get("token_count").or_else(|| one.get("tokenCount")).unwrap_or(one);
            Some(Reading { model, ..reading(counts)? })
        })
        .collect();
    if !of_models.is_empty() {
        return of_models;
    }
    let whole = quota.get("token_count").or_else(|| quota.get("tokenCount"));
    whole.or_else(|| meta.get("usage")).and_then(reading).into_iter().collect()
}

/// Counts of tokens by whatever names; `None` when there is none of them.
fn reading(counts: &Value) -> Option<Reading> {
    let first = |names: &[&str]| {
        names.iter().find_map(|name| counts.get(*name)).and_then(number).filter(|n| *n >= 0.0).and_then(whole)
    };
    let input = first(&["inputTokens", "input_tokens", "promptTokens", "prompt_tokens", "promptTokenCount"]);
    let output =
        first(&["outputTokens", "output_tokens", "completionTokens", "completion_tokens", "candidatesTokenCount"]);
    let read = first(&[
        "cachedReadTokens",
        "cacheReadTokens",
        "cachedInputTokens",
        "cached_input_tokens",
        "cached_read_tokens",
        "cache_read_tokens",
        "cache_read_input_tokens",
        "cachedContentTokenCount",
    ]);
    let write = first(&[
        "cachedWriteTokens",
        "cacheWriteTokens",
        "cacheWriteInputTokens",
        "cached_write_tokens",
        "cache_write_tokens",
        "cache_write_input_tokens",
        "cache_creation_input_tokens",
    ]);
    let thought = first(&["thoughtTokens", "reasoningOutputTokens", "thought_tokens", "reasoning_output_tokens"]);
    let total = first(&["totalTokens", "total_tokens", "totalTokenCount"]);
    let (known_input, known_output) = (input.unwrap_or(0), output.unwrap_or(0));
    let cached = read.unwrap_or(0).saturating_add(write.unwrap_or(0));
    let plain = known_input.saturating_add(known_output);
    if [input, output, read, write].iter().all(Option::is_none) {
        // One that tells nothing but a total.
        return total.map(|total| Reading { input_tokens: Some(total), ..Reading::default() });
    }
    // The sum tells what is counted within what.
    let thought = thought.unwrap_or(0);
    let beside = thought > 0 && total == Some(plain.saturating_add(cached).saturating_add(thought));
    let output = if beside { output.map(|output| output.saturating_add(thought)) } else { output };
    let told = Reading {
        model: None,
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: read,
        cache_write_tokens: write,
        cost_usd: None,
    };
    let within = cached > 0 && cached <= known_input && total == Some(plain);
    Some(if within { told.without_cache() } else { told })
}

fn whole(number: f64) -> Option<u64> {
    format!("{number:.0}").parse().ok()
}

fn sum(a: &Reading, b: &Reading) -> Reading {
    let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    Reading {
        model: b.model.clone(),
        input_tokens: add(a.input_tokens, b.input_tokens),
        output_tokens: add(a.output_tokens, b.output_tokens),
        cache_read_tokens: add(a.cache_read_tokens, b.cache_read_tokens),
        cache_write_tokens: add(a.cache_write_tokens, b.cache_write_tokens),
        cost_usd: None,
    }
}
