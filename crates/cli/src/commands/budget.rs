//! `flightdeck budget`: what agents may use.

use flightdeck_client::{Client, Reply};
use flightdeck_terminal::{Out, Outcome};
use serde_json::{Map, Value};

use super::account::Account;
use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::{BudgetArgs, BudgetCommand, BudgetSetArgs, Limits, Whose};

pub(super) fn run(args: &BudgetArgs) -> Outcome {
    match &args.command {
        BudgetCommand::Show { whose, asking } => {
            let (client, out) = begin(asking)?;
            let account = of(&client, whose)?;
            told(out, &account, &client.get(&account.path())?)
        }
        BudgetCommand::Set(BudgetSetArgs { whose, limits, warn_at, why, asking }) => {
            let (client, out) = begin(asking)?;
            let account = of(&client, whose)?;
            told(
                out,
                &account,
                &client.put(&account.budget_path(), &body(Some((limits, *warn_at)), why.reason.as_deref()))?,
            )
        }
        BudgetCommand::Remove { whose, why, asking } => {
            let (client, out) = begin(asking)?;
            let account = of(&client, whose)?;
            told(out, &account, &client.delete(&account.budget_path(), &body(None, why.reason.as_deref()))?)
        }
    }
}

/// The account that is meant. The grammar sees to it that one is named.
fn of(client: &Client, whose: &Whose) -> Result<Account, CommandError> {
    let account = Account::named(client, whose.id.as_deref(), whose.mission.as_deref())?;
    account.ok_or_else(|| CommandError::Usage("name an agent or a --mission".to_owned()))
}

fn body(limits: Option<(&Limits, u8)>, reason: Option<&str>) -> Value {
    let mut body = Map::new();
    if let Some((limits, warn_at)) = limits {
        let per_day = most(limits.max_cost_per_day, limits.max_tokens_per_day);
        let per_month = most(limits.max_cost_per_month, limits.max_tokens_per_month);
        body.extend(most(limits.max_cost, limits.max_tokens));
        for (name, limits) in [("perDay", per_day), ("perMonth", per_month)] {
            if !limits.is_empty() {
                body.insert(name.to_owned(), Value::Object(limits));
            }
        }
        body.insert("warnAtPercent".to_owned(), Value::from(warn_at));
    }
    body.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
    Value::Object(body)
}

fn most(cost: Option<f64>, tokens: Option<u64>) -> Map<String, Value> {
    let fields = [("maxCostUsd", cost.map(Value::from)), ("maxTokens", tokens.map(Value::from))];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn told(out: Out, account: &Account, reply: &Reply) -> Outcome {
    if out.json {
        out.json(&reply.body);
    } else {
        account.read(reply)?.tell_line(out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_given_is_asked_for() {
        let cost = Limits { max_cost: Some(2.5), ..Limits::default() };
        assert_eq!(body(Some((&cost, 80)), None), json!({"maxCostUsd": 2.5, "warnAtPercent": 80}));
        let more = Limits { max_tokens: Some(9), max_cost_per_day: Some(1.5), ..cost };
        let more = body(Some((&more, 0)), Some("a cap"));
        let expected = json!({"maxCostUsd": 2.5, "maxTokens": 9, "perDay": {"maxCostUsd": 1.5}, "warnAtPercent": 0,
            "reason": "a cap"});
        assert_eq!(more, expected);
        assert_eq!(body(None, Some("done")), json!({"reason": "done"}));
    }
}
