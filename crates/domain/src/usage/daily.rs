//! Usage by day and model.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::{Totals, Usage};
use crate::day::Day;
use crate::ids::SessionId;
use crate::session::Session;
use crate::text::MissionId;
use crate::time::Timestamp;

/// What was used, by day and model. A report counts on the day of its message's time; a report that names no model counts
/// for none. Nothing costs nothing, as most messages report no usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used(BTreeMap<Cell, Totals>);

/// What is summed together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    day: Day,
    model: Option<String>,
    /// Whether telemetry told of it, and not the agent's own messages.
    by_telemetry: bool,
}

impl Used {
    /// Adds a report of a message.
    pub fn add(&mut self, usage: &Usage, created_at: Timestamp, by_telemetry: bool) {
        let cell = Cell { day: Day::of(created_at), model: usage.model().map(str::to_owned), by_telemetry };
        let totals = self.0.entry(cell).or_default();
        *totals = totals.with(usage);
    }

    /// Adds what was used besides.
    pub fn extend(&mut self, other: Self) {
        for (cell, used) in other.0 {
            let totals = self.0.entry(cell).or_default();
            *totals = totals.plus(used);
        }
    }

    /// Everything together.
    #[must_use]
    pub fn total(&self) -> Totals {
        self.0.values().fold(Totals::default(), |sum, totals| sum.plus(*totals))
    }

    /// Whether nothing was used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether telemetry told of a part.
    #[must_use]
    pub fn has_telemetry(&self) -> bool {
        self.0.keys().any(|cell| cell.by_telemetry)
    }

    /// What telemetry told of alone.
    #[must_use]
    pub fn of_telemetry(&self) -> Self {
        let told = self.0.iter().filter(|(cell, _)| cell.by_telemetry);
        Self(told.map(|(cell, totals)| (cell.clone(), *totals)).collect())
    }

    /// The same for the books of a session: one for each day and model.
    pub fn of_session(&self, session: &Session) -> impl Iterator<Item = UsageDay> {
        let mut days: BTreeMap<(Day, Option<&str>), Totals> = BTreeMap::new();
        for (Cell { day, model, .. }, totals) in &self.0 {
            let sum = days.entry((*day, model.as_deref())).or_default();
            *sum = sum.plus(*totals);
        }
        days.into_iter().map(|((day, model), totals)| UsageDay {
            session_id: session.id,
            mission_id: session.mission_id.clone(),
            day,
            model: model.map(str::to_owned),
            totals,
        })
    }
}

/// What a session used on a day with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageDay {
    /// The session.
    pub session_id: SessionId,
    /// Its mission.
    pub mission_id: Option<MissionId>,
    /// The day.
    pub day: Day,
    /// The model; `None` for reports that name none.
    pub model: Option<String>,
    /// What was used.
    pub totals: Totals,
}

/// What sums of usage are broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageBy {
    /// By day.
    Day,
    /// By model.
    Model,
    /// By mission.
    Mission,
    /// By session.
    Agent,
}

impl UsageBy {
    /// Everything that there is.
    pub const ALL: [Self; 4] = [Self::Day, Self::Model, Self::Mission, Self::Agent];

    /// The word of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Mission => "mission",
            Self::Agent => "agent",
        }
    }
}

/// A word that usage is not broken down by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing that usage is broken down by; use day, model, mission or agent")]
pub struct UnknownUsageBy(pub String);

impl FromStr for UsageBy {
    type Err = UnknownUsageBy;

    fn from_str(word: &str) -> Result<Self, UnknownUsageBy> {
        Self::ALL.into_iter().find(|by| by.as_str() == word).ok_or_else(|| UnknownUsageBy(word.to_owned()))
    }
}

/// Whose usage is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageOf {
    /// That of all sessions.
    Fleet,
    /// That of the sessions of a mission.
    Mission(MissionId),
    /// That of a session and all below it.
    Subtree(SessionId),
}

/// A question for sums of usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// Whose usage.
    pub of: UsageOf,
    /// By what it is broken down. By nothing gives one sum, or none where nothing was used.
    pub by: BTreeSet<UsageBy>,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// The largest number of sums.
    pub limit: usize,
}

/// A sum of usage. What the question is not broken down by is missing, and so are the model and the mission of usage that has
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLine {
    /// The day.
    pub day: Option<Day>,
    /// The model.
    pub model: Option<String>,
    /// The mission.
    pub mission_id: Option<MissionId>,
    /// The session.
    pub session_id: Option<SessionId>,
    /// What was used.
    pub totals: Totals,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::session;

    fn usage(value: serde_json::Value) -> Usage {
        serde_json::from_value(value).expect("valid")
    }

    fn day(days: i64) -> Timestamp {
        Timestamp::from_micros(days * 86_400_000_000).expect("a moment")
    }

    #[test]
    fn reports_are_summed_for_each_day_and_model() {
        let mut used = Used::default();
        assert!(used.is_empty());
        used.add(&usage(json!({"model": "a", "inputTokens": 1})), day(1), false);
        used.add(&usage(json!({"model": "a", "inputTokens": 2})), day(1), false);
        let mut other = Used::default();
        other.add(&usage(json!({"model": "b", "inputTokens": 4, "costUsd": 0.5})), day(1), false);
        other.add(&usage(json!({"inputTokens": 8})), day(2), false);
        other.add(&usage(json!({"model": "a", "inputTokens": 16})), day(1), false);
        used.extend(other);
        let session = session(1);
        let cells: Vec<_> = used
            .of_session(&session)
            .map(|cell| (cell.day.to_string(), cell.model, cell.totals.input_tokens, cell.totals.reports))
            .collect();
        let cell = |day: &str, model: Option<&str>, tokens, reports| {
            (day.to_owned(), model.map(str::to_owned), tokens, reports)
        };
        assert_eq!(
            cells,
            [cell("1970-01-02", Some("a"), 19, 3), cell("1970-01-02", Some("b"), 4, 1), cell("1970-01-03", None, 8, 1)]
        );
        assert_eq!((used.total().input_tokens, used.total().priced_reports), (31, 1));
    }

    #[test]
    fn what_telemetry_told_stands_apart_and_is_of_the_same_day() {
        let mut used = Used::default();
        used.add(&usage(json!({"model": "a", "inputTokens": 1})), day(1), false);
        assert!(!used.has_telemetry() && used.of_telemetry().is_empty());
        used.add(&usage(json!({"model": "a", "inputTokens": 2})), day(1), true);
        assert!(used.has_telemetry());
        assert_eq!((used.of_telemetry().total().input_tokens, used.total().input_tokens), (2, 3));
        let session = session(1);
        let days: Vec<_> = used.of_session(&session).map(|day| day.totals.input_tokens).collect();
        assert_eq!(days, [3], "a day with a model is one line");
    }
}
