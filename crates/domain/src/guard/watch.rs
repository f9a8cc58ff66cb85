//! What the guard remembers of one session.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::sign::digest;
use super::{GuardLimits, Sign};
use crate::text::Reason;
use crate::time::Timestamp;
use crate::usage::Cost;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The agent and whoever reads are warned.
    Warn,
    /// The agent is paused.
    Pause,
}

/// Why an agent is taken to run wild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It makes the same call with the same result.
    Repeats {
        /// The tool, if it is told.
        tool: Option<String>,
        /// How often among its last calls.
        times: u32,
    },
    /// It spends too much in an hour.
    Spends {
        /// How much it has spent in the last hour.
        cost: Cost,
        /// How much it may.
        limit: Cost,
    },
}

/// An agent runs wild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Whether it is warned or paused.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
    /// The same for the same cause and stage in a session, so that it is acted on once.
    pub key: String,
}

fn dollars(cost: Cost) -> String {
    let cents = cost.nanos() / 10_000_000;
    format!("{}.{:02} USD", cents / 100, cents % 100)
}

impl Alarm {
    /// The reason, in a sentence.
    #[must_use]
    pub fn why(&self) -> Reason {
        Reason::shortened(&match &self.cause {
            Cause::Repeats { tool: Some(tool), times } => {
                format!("it made the same call of {tool} with the same result {times} times")
            }
            Cause::Repeats { tool: None, times } => {
                format!("it made the same call with the same result {times} times")
            }
            Cause::Spends { cost, limit } => {
                format!("it spent {} within an hour, and {} is the line", dollars(*cost), dollars(*limit))
            }
        })
    }
}

/// What the guard remembers of one session.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Calls without a result, the oldest first.
    open: VecDeque<(String, [u8; 32])>,
    /// The last calls with their results, the oldest first.
    done: VecDeque<[u8; 32]>,
    times: HashMap<[u8; 32], u32>,
    spent: VecDeque<(Timestamp, Cost)>,
    told: HashSet<(Option<[u8; 32]>, Stage)>,
}

impl Watch {
    /// So many of the last calls are compared.
    pub const WINDOW: usize = 200;
    const HOUR: Duration = Duration::from_hours(1);
    const MINUTE: Duration = Duration::from_mins(1);

    /// Takes a sign in, and gives the alarms that it raises: the pause last.
    pub fn see(&mut self, sign: Sign, limits: &GuardLimits, at: Timestamp) -> Vec<Alarm> {
        match sign {
            Sign::Call { id, what } => {
                self.open.retain(|(open, _)| *open != id);
                self.open.push_back((id, what));
                if self.open.len() > Self::WINDOW {
                    self.open.pop_front();
                }
                Vec::new()
            }
            Sign::Result { id, name, what } => self.finished(id.as_deref(), name, what, limits),
            Sign::Spent(cost) => self.spent(cost, limits, at),
        }
    }

    fn finished(
        &mut self,
        id: Option<&str>,
        tool: Option<String>,
        result: [u8; 32],
        limits: &GuardLimits,
    ) -> Vec<Alarm> {
        let place = id.and_then(|id| self.open.iter().position(|(open, _)| open == id));
        let call = place.and_then(|place| self.open.remove(place)).map(|(_, what)| what).unwrap_or_default();
        let whole = digest(&[&call, &result]);
        if self.done.len() >= Self::WINDOW
            && let Some(oldest) = self.done.pop_front()
            && let Some(count) = self.times.get_mut(&oldest)
        {
            *count -= 1;
            if *count == 0 {
                self.times.remove(&oldest);
            }
        }
        self.done.push_back(whole);
        let times = self.times.entry(whole).or_default();
        *times += 1;
        let times = *times;
        let Some(limit) = limits.repeats else { return Vec::new() };
        let due = [(Stage::Warn, limit / 2), (Stage::Pause, limit)]
            .into_iter()
            .filter(|(_, line)| times >= *line && *line > 0);
        let due: Vec<Stage> = due.map(|(stage, _)| stage).collect();
        self.new_ones(Some(whole), due, &Cause::Repeats { tool, times })
    }

    fn spent(&mut self, cost: Cost, limits: &GuardLimits, at: Timestamp) -> Vec<Alarm> {
        match self.spent.back_mut() {
            // By the minute, so that it stays small.
            Some((minute, sum)) if at.since(*minute) < Self::MINUTE => *sum = sum.saturating_add(cost),
            _ => self.spent.push_back((at, cost)),
        }
        let since = at.saturating_sub(Self::HOUR);
        while self.spent.pop_front_if(|(spent_at, _)| *spent_at <= since).is_some() {}
        let sum = self.spent.iter().fold(Cost::ZERO, |sum, (_, cost)| sum.saturating_add(*cost));
        let Some(limit) = limits.cost_per_hour else { return Vec::new() };
        let warned = Cost::from_nanos(limit.nanos() / 5 * 4);
        let due = [(Stage::Warn, warned), (Stage::Pause, limit)].into_iter().filter(|(_, line)| sum >= *line);
        let due: Vec<Stage> = due.map(|(stage, _)| stage).collect();
        if due.is_empty() {
            // It has calmed down: the next time is another cause.
            self.told.retain(|(what, _)| what.is_some());
        }
        self.new_ones(None, due, &Cause::Spends { cost: sum, limit })
    }

    /// Whether it remembers no more than it may.
    #[cfg(test)]
    pub(super) fn is_bounded(&self) -> bool {
        self.open.len() <= Self::WINDOW && self.done.len() <= Self::WINDOW && self.times.len() <= Self::WINDOW
    }

    /// Those that were not raised before. One that is paused at once is not warned.
    fn new_ones(&mut self, what: Option<[u8; 32]>, due: Vec<Stage>, cause: &Cause) -> Vec<Alarm> {
        let is_paused = due.contains(&Stage::Pause);
        let new: Vec<Stage> = due.into_iter().filter(|stage| self.told.insert((what, *stage))).collect();
        let new = new.into_iter().filter(|stage| !is_paused || *stage == Stage::Pause);
        let key = what.map_or_else(|| "spent".to_owned(), |what| crate::hex::hex(&what));
        new.map(|stage| Alarm { stage, cause: cause.clone(), key: format!("{key}/{stage:?}") }).collect()
    }
}
