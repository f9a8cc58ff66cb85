//! What is used and may be used: by an agent with all below it, or by a mission.

use chrono::{DateTime, Utc};
use flightdeck_client::replies::{AgentUsage, Budget, Mission, Totals};
use flightdeck_client::{Client, ClientError, Reply, encode};
use flightdeck_terminal::{Out, Tone, age, clock, line, local};

use crate::error::CommandError;
use crate::ids::{session, tail_of};

/// Whose usage it is.
pub(super) enum Account {
    Agent(String),
    Mission(String),
}

impl Account {
    /// The one that was named; `None` where none was.
    pub(super) fn named(
        client: &Client,
        id: Option<&str>,
        mission: Option<&str>,
    ) -> Result<Option<Self>, CommandError> {
        match (id, mission) {
            (Some(id), _) => Ok(Some(Self::Agent(session(client, id)?))),
            (None, mission) => Ok(mission.map(|mission| Self::Mission(mission.to_owned()))),
        }
    }

    /// Where the server tells of it.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Agent(id) => format!("/agents/{id}/usage"),
            Self::Mission(mission) => format!("/missions/{}", encode(mission)),
        }
    }

    /// Where its budget is set and taken away.
    pub(super) fn budget_path(&self) -> String {
        match self {
            Self::Agent(id) => format!("/agents/{id}/budget"),
            Self::Mission(mission) => format!("/missions/{}/budget", encode(mission)),
        }
    }

    /// What the server told.
    pub(super) fn read(&self, reply: &Reply) -> Result<Accounted, ClientError> {
        Ok(match self {
            Self::Agent(id) => {
                let AgentUsage { own, subtree, budget } = reply.read()?;
                let name = format!("agent {} and all below it", tail_of(id));
                Accounted { name, own: Some(own), used: subtree, budget }
            }
            Self::Mission(_) => {
                let Mission { mission_id, usage, budget, .. } = reply.read()?;
                Accounted { name: format!("mission {mission_id}"), own: None, used: usage, budget }
            }
        })
    }
}

/// What is used and may be used.
pub(super) struct Accounted {
    /// By whom.
    name: String,
    /// Of an agent: what it used by itself.
    own: Option<Totals>,
    used: Totals,
    budget: Option<Budget>,
}

impl Accounted {
    pub(super) fn tell(&self, out: Out) {
        fact(out, "used by", &self.name);
        totals(out, &self.used);
        if let Some(own) = &self.own {
            fact(out, "by itself", &format!("{} tokens, {}", count(own.total_tokens), cost(own)));
        }
        fact(out, "budget", &budget(&self.used, self.budget.as_ref(), clock()));
    }

    /// The budget alone, on one line that says whose it is.
    pub(super) fn tell_line(&self, out: Out) {
        let budget = match &self.budget {
            Some(set) => budget(&self.used, Some(set), clock()),
            None => "no budget".to_owned(),
        };
        out.line(&line(&format!("{}: {budget}", self.name)));
    }
}

/// The sum of the fleet.
pub(super) fn tell_fleet(out: Out, used: &Totals) {
    fact(out, "used by", "the whole fleet");
    totals(out, used);
}

fn fact(out: Out, name: &str, value: &str) {
    out.line(&format!("{}{}", out.paint.paint(Tone::Faint, &format!("{name:<13}")), line(value)));
}

fn totals(out: Out, used: &Totals) {
    let parts = [
        ("input", used.input_tokens),
        ("output", used.output_tokens),
        ("read from caches", used.cache_read_tokens),
        ("written to caches", used.cache_write_tokens),
    ];
    let parts: Vec<String> = parts.iter().map(|(what, tokens)| format!("{what} {}", count(*tokens))).collect();
    fact(out, "tokens", &format!("{}   ({})", count(used.total_tokens), parts.join(", ")));
    fact(out, "cost", &cost(used));
}

/// What it cost, and whether that is all of it.
pub(super) fn cost(used: &Totals) -> String {
    match (used.reports, used.priced_reports) {
        (0, _) => "nothing was reported".to_owned(),
        (_, 0) => "not known".to_owned(),
        (all, priced) if priced < all => {
            format!("{} or more   ({priced} of {all} reports say what it cost)", dollars(used.cost_usd))
        }
        _ => dollars(used.cost_usd),
    }
}

/// What may be used and what is used of it.
fn budget(used: &Totals, budget: Option<&Budget>, now: DateTime<Utc>) -> String {
    let Some(budget) = budget else { return "none".to_owned() };
    let mut parts = Vec::new();
    if let Some(most) = budget.max_cost_usd {
        let share = if most > 0.0 { format!(" ({:.0} %)", used.cost_usd / most * 100.0) } else { String::new() };
        parts.push(format!("{} of {}{share}", dollars(used.cost_usd), dollars(most)));
    }
    if let Some(most) = budget.max_tokens {
        let share = used.total_tokens.saturating_mul(100).checked_div(most);
        let share = share.map(|share| format!(" ({share} %)")).unwrap_or_default();
        parts.push(format!("{} of {} tokens{share}", count(used.total_tokens), count(most)));
    }
    for (window, name) in [(&budget.per_day, "today"), (&budget.per_month, "this month")] {
        let Some(window) = window else { continue };
        let cost = window.max_cost_usd.map(|most| format!("{} of {} {name}", dollars(window.cost_usd), dollars(most)));
        let tokens = window.max_tokens.map(|most| format!("{} of {} tokens {name}", count(window.tokens), count(most)));
        parts.extend(cost.into_iter().chain(tokens));
    }
    if let Some(at) = budget.exhausted_at {
        parts.push(format!("used up since {}, {} ago", local(at), age(at, now)));
    }
    parts.join(", ")
}

/// An amount; small ones to a hundredth of a cent.
pub(super) fn dollars(amount: f64) -> String {
    if amount > 0.0 && amount < 1.0 { format!("${amount:.4}") } else { format!("${amount:.2}") }
}

/// A number that people can read: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use flightdeck_client::replies::Window;

    use super::*;

    #[test]
    fn numbers_and_amounts_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 0.004_2, 1.0, 12.345].map(dollars), ["$0.00", "$0.0042", "$1.00", "$12.35"]);
    }

    #[test]
    fn a_cost_that_is_not_whole_says_so() {
        let used = |reports, priced_reports| Totals { cost_usd: 2.5, reports, priced_reports, ..Totals::default() };
        assert_eq!(cost(&used(0, 0)), "nothing was reported");
        assert_eq!(cost(&used(3, 0)), "not known");
        assert_eq!(cost(&used(3, 2)), "$2.50 or more   (2 of 3 reports say what it cost)");
        assert_eq!(cost(&used(3, 3)), "$2.50");
    }

    #[test]
    fn a_budget_says_how_much_of_it_is_used() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a moment");
        let used = Totals { cost_usd: 2.5, total_tokens: 4_000, ..Totals::default() };
        assert_eq!(budget(&used, None, now), "none");
        let set = Budget { max_cost_usd: Some(25.0), max_tokens: Some(8_000), ..Budget::default() };
        assert_eq!(budget(&used, Some(&set), now), "$2.50 of $25.00 (10 %), 4,000 of 8,000 tokens (50 %)");
        let window = Window { max_cost_usd: Some(5.0), cost_usd: 1.25, ..Window::default() };
        let daily = Budget { per_day: Some(window), ..Budget::default() };
        assert_eq!(budget(&used, Some(&daily), now), "$1.25 of $5.00 today");
        let used_up = Budget { max_tokens: Some(0), exhausted_at: Some(now), ..Budget::default() };
        let told = budget(&used, Some(&used_up), now);
        assert_eq!(told, "4,000 of 0 tokens, used up since 2027-01-15 08:00:00Z, 0s ago");
    }
}
