//! Figures of the last release, in a file that is committed, and whether those of a build are worse.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub(crate) use self::file::describe;
use crate::number::ratio;

/// Which way a figure gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// More is better: rates.
    More,
    /// Less is better: times, memory, instructions.
    Less,
}

/// The figures of one build.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    /// The day on which they were measured.
    pub(crate) date: String,
    /// What was measured.
    pub(crate) binary: String,
    /// Where it was measured.
    pub(crate) machine: String,
    figures: BTreeMap<String, f64>,
}

/// What became of one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// As it was, within what is allowed.
    Same(f64),
    /// Better by more than what is allowed to be worse.
    Better(f64),
    /// Worse by more than is allowed.
    Worse(f64),
    /// It was there before, and is not measured any more.
    Missing,
    /// It was not there before.
    New,
}

impl Verdict {
    /// Whether a build with it must not pass.
    pub(crate) const fn fails(self) -> bool {
        matches!(self, Self::Worse(_) | Self::Missing)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(better) => write!(f, "{:+.1} %", better * 100.0),
            Self::Better(better) => write!(f, "{:+.1} %, better", better * 100.0),
            Self::Worse(better) => write!(f, "{:+.1} %, WORSE", better * 100.0),
            Self::Missing => f.write_str("MISSING"),
            Self::New => f.write_str("new"),
        }
    }
}

impl Baseline {
    /// Why figures of this machine cannot be held against these; `None` where they can. Ratios depend on the number of
    /// cores and on the kind of processor, and counts on what a library does with which processor.
    pub(crate) fn is_from_elsewhere(&self) -> Option<String> {
        let here = crate::report::machine();
        let differs = kind(&self.machine) != kind(&here);
        differs.then(|| {
            format!(
                "not compared: the figures of the last release are from another kind of machine ({}), and this is {here}; \
                 --write makes a file for this one, and --baseline names it",
                self.machine
            )
        })
    }

    /// The value of a figure.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    /// What became of a figure, if it may be worse by such a fraction. Positive is better.
    pub(crate) fn verdict(&self, name: &str, better: Better, now: Option<f64>, allowed: f64) -> Verdict {
        let (Some(then), Some(now)) = (self.figure(name), now) else {
            return if now.is_some() { Verdict::New } else { Verdict::Missing };
        };
        let change = ratio(now, then) - 1.0;
        let gain = if better == Better::More { change } else { -change };
        if gain < -allowed {
            Verdict::Worse(gain)
        } else if gain > allowed {
            Verdict::Better(gain)
        } else {
            Verdict::Same(gain)
        }
    }

    /// What became of every figure that was there before or is there now.
    pub(crate) fn judge(
        &self,
        now: &BTreeMap<String, f64>,
        better: impl Fn(&str) -> Better,
        allowed: f64,
    ) -> Vec<(String, Verdict)> {
        let names: BTreeSet<&String> = self.figures.keys().chain(now.keys()).collect();
        let judge = |name: &String| (name.clone(), self.verdict(name, better(name), now.get(name).copied(), allowed));
        names.into_iter().map(judge).collect()
    }
}

/// Its cores and its processor.
fn kind(machine: &str) -> &str {
    machine.split("), ").next().unwrap_or(machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_another_kind_of_machine_are_not_compared() {
        let here = baseline(&[("rate", 1.0)]);
        assert_eq!(here.is_from_elsewhere(), None);
        let elsewhere = Baseline { machine: "96 cores (Intel(R) Xeon(R)), 4 GB of memory, Linux 1".to_owned(), ..here };
        assert!(elsewhere.is_from_elsewhere().is_some_and(|why| why.contains("96 cores") && why.contains("--write")));
        assert_eq!(
            kind("2 cores (Intel(R) Xeon(R) Processor), 25 GB of memory"),
            "2 cores (Intel(R) Xeon(R) Processor"
        );
        assert_eq!(kind("2 cores (AMD EPYC), 25 GB of memory, Linux 6"), kind("2 cores (AMD EPYC), 8 GB of memory"));
    }

    fn baseline(figures: &[(&str, f64)]) -> Baseline {
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Baseline::of_now("flightdeck".to_owned(), figures)
    }

    #[test]
    fn a_rate_falls_downwards() {
        let before = baseline(&[("rate", 1.0)]);
        let verdict = |now| before.verdict("rate", Better::More, Some(now), 0.15);
        assert!(matches!(verdict(0.84), Verdict::Worse(_)) && verdict(0.84).fails());
        assert!(matches!(verdict(0.86), Verdict::Same(_)) && !verdict(0.86).fails());
        assert!(matches!(verdict(1.0), Verdict::Same(_)));
        assert!(matches!(verdict(1.2), Verdict::Better(_)) && !verdict(1.2).fails());
        assert_eq!(verdict(0.5).to_string(), "-50.0 %, WORSE");
    }

    #[test]
    fn a_time_or_memory_falls_upwards() {
        let before = baseline(&[("p50", 2.0)]);
        let verdict = |now| before.verdict("p50", Better::Less, Some(now), 0.15);
        assert!(matches!(verdict(2.4), Verdict::Worse(_)));
        assert!(matches!(verdict(2.2), Verdict::Same(_)));
        assert!(matches!(verdict(1.0), Verdict::Better(_)) && !verdict(1.0).fails());
    }

    #[test]
    fn what_is_missing_fails_and_what_is_new_does_not() {
        let before = baseline(&[("rate", 1.0), ("gone", 1.0)]);
        let now = BTreeMap::from([("rate".to_owned(), 1.0), ("fresh".to_owned(), 0.1)]);
        let verdicts = before.judge(&now, |_| Better::More, 0.15);
        let expected = [("fresh", Verdict::New), ("gone", Verdict::Missing), ("rate", Verdict::Same(0.0))];
        assert_eq!(verdicts, expected.map(|(name, verdict)| (name.to_owned(), verdict)));
        assert!(Verdict::Missing.fails() && !Verdict::New.fails());
    }
}
