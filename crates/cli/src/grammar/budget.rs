//! What agents may use.

use clap::{Args, Subcommand};

use super::shared::{Asking, Why};

/// `flightdeck budget`
#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(subcommand)]
    pub(crate) command: BudgetCommand,
}

/// What is done with a budget.
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// Show what may be used, and what is
    Show {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        asking: Asking,
    },
    /// Set what may be used, in the place of what is set; when it is used up, those whom it is for are paused
    Set(BudgetSetArgs),
    /// Take a budget away; the agents that it paused stay paused
    Remove {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        asking: Asking,
    },
}

/// `flightdeck budget set`
#[derive(Debug, Args)]
pub(crate) struct BudgetSetArgs {
    #[command(flatten)]
    pub(crate) whose: Whose,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// warn when so many per cent of a limit are used; 0 for never
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = clap::value_parser!(u8).range(..100))]
    pub(crate) warn_at: u8,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) asking: Asking,
}

/// Whom a budget is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// an agent, with all below it: its id, or a part that only one begins or ends with
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// all sessions of this mission together
    #[arg(long, value_name = "MISSION")]
    pub(crate) mission: Option<String>,
}

/// What may be used: what is reached first counts.
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Limits {
    /// the most that may be spent, in US dollars
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) max_cost: Option<f64>,
    /// the most tokens, of all kinds together
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u64>,
    /// the most that may be spent on a day, in UTC
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) max_cost_per_day: Option<f64>,
    /// the most tokens on a day
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens_per_day: Option<u64>,
    /// the most that may be spent in a month of the calendar
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) max_cost_per_month: Option<f64>,
    /// the most tokens in a month
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens_per_month: Option<u64>,
}

/// An amount that JSON can hold.
fn dollars(text: &str) -> Result<f64, String> {
    let amount = text.trim_start_matches('$').parse::<f64>().ok().filter(|amount| amount.is_finite() && *amount >= 0.0);
    amount.ok_or_else(|| "is not an amount of US dollars such as 25 or 0.50".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        budget: BudgetArgs,
    }

    fn is_taken(words: &str) -> bool {
        Typed::try_parse_from(std::iter::once("budget").chain(words.split(' '))).is_ok()
    }

    #[test]
    fn a_budget_is_for_an_agent_or_a_mission_and_has_a_limit() {
        assert!(
            is_taken("set abc --max-cost 25 --reason cap")
                && is_taken("set --mission ledger --max-tokens-per-day 5000000 --warn-at 0")
        );
        assert!(
            is_taken("set abc --max-cost 25 --max-tokens 1") && is_taken("remove abc") && is_taken("show --mission m")
        );
        for wrong in [
            "set abc",
            "set --max-cost 1",
            "set abc --mission m --max-cost 1",
            "set abc --max-cost 1 --warn-at 100",
            "set abc --warn-at 5",
            "show",
            "remove",
        ] {
            assert!(!is_taken(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_a_number_of_dollars() {
        assert_eq!([dollars("25"), dollars("$0.50")], [Ok(25.0), Ok(0.5)]);
        for wrong in ["", "-1", "NaN", "inf", "1,50", "ten"] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }
}
