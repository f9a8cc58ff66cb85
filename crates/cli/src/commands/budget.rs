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
        BudgetCommand::Set(BudgetSetArgs { whose, limits, why, asking }) => {
            let (client, out) = begin(asking)?;
            let account = of(&client, whose)?;
            told(out, &account, &client.put(&account.budget_path(), &body(Some(limits), why.reason.as_deref()))?)
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

fn body(limits: Option<&Limits>, reason: Option<&str>) -> Value {
    let limit = |read: fn(&Limits) -> Option<Value>| limits.and_then(read);
    let fields = [
        ("maxCostUsd", limit(|limits| limits.max_cost.map(Value::from))),
        ("maxTokens", limit(|limits| limits.max_tokens.map(Value::from))),
        ("reason", reason.map(Value::from)),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
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
        let limits = |max_cost, max_tokens| Limits { max_cost, max_tokens };
        assert_eq!(body(Some(&limits(Some(2.5), None)), None), json!({"maxCostUsd": 2.5}));
        let both = body(Some(&limits(Some(2.5), Some(9))), Some("a cap"));
        assert_eq!(both, json!({"maxCostUsd": 2.5, "maxTokens": 9, "reason": "a cap"}));
        assert_eq!(body(None, Some("done")), json!({"reason": "done"}));
    }
}
