//! What a figure is to reach, and whether it does.

use crate::figures::Summary;
use crate::number::ratio;

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// A number.
    Fixed(f64),
    /// So many times a limit of the same report.
    Limit(f64, &'static str),
    /// A limit of the same report and so much more.
    Beyond(&'static str, f64),
    /// So many times another figure of the same runs.
    Own(f64, &'static str),
}

/// Which side of its bound a figure is to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    AtLeast,
    AtMost,
}

/// A figure and its bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) figure: &'static str,
    pub(super) side: Side,
    pub(super) bound: Bound,
}

/// A goal beside what was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) value: f64,
    pub(super) bound: f64,
    /// The figure over its bound.
    pub(super) ratio: f64,
    pub(super) met: bool,
}

impl Goal {
    pub(super) const fn at_least(figure: &'static str, bound: Bound) -> Self {
        Self { figure, side: Side::AtLeast, bound }
    }

    pub(super) const fn at_most(figure: &'static str, bound: Bound) -> Self {
        Self { figure, side: Side::AtMost, bound }
    }

    /// The medians compared; `None` when one of them was not measured.
    pub(super) fn judge(&self, summary: &Summary, limits: &Summary) -> Option<Verdict> {
        let value = summary.spread(self.figure)?.median;
        let bound = match self.bound {
            Bound::Fixed(bound) => bound,
            Bound::Limit(times, name) => times * limits.spread(name)?.median,
            Bound::Beyond(name, more) => limits.spread(name)?.median + more,
            Bound::Own(times, name) => times * summary.spread(name)?.median,
        };
        let met = match self.side {
            Side::AtLeast => value >= bound,
            Side::AtMost => value <= bound,
        };
        Some(Verdict { value, bound, ratio: ratio(value, bound), met })
    }

    /// The bound in words.
    pub(super) fn told(&self) -> String {
        let sign = match self.side {
            Side::AtLeast => '≥',
            Side::AtMost => '≤',
        };
        match self.bound {
            Bound::Fixed(bound) => format!("{sign} {}", crate::figures::round(bound)),
            Bound::Limit(times, name) => format!("{sign} {times} × {name}"),
            Bound::Beyond(name, more) => format!("{sign} {name} + {more}"),
            Bound::Own(times, name) => format!("{sign} {times} × {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    fn summary(figures: &[(&str, f64)]) -> Summary {
        let mut run = Figures::default();
        for (name, value) in figures {
            run.add(*name, "", *value);
        }
        Summary::new(String::new(), vec![run])
    }

    #[test]
    fn a_goal_is_met_on_its_side_of_the_bound() {
        let measured = summary(&[("messages", 700.0), ("p50", 2.0), ("p99", 7.0)]);
        let limits = summary(&[("rows", 1_000.0), ("commit", 1.5)]);
        let judge = |goal: Goal| goal.judge(&measured, &limits);
        let met = |goal: Goal| judge(goal).map(|verdict| verdict.met);
        assert_eq!(met(Goal::at_least("messages", Bound::Limit(0.7, "rows"))), Some(true));
        assert_eq!(met(Goal::at_least("messages", Bound::Limit(0.8, "rows"))), Some(false));
        assert_eq!(met(Goal::at_most("p50", Bound::Beyond("commit", 0.5))), Some(true));
        assert_eq!(met(Goal::at_most("p50", Bound::Beyond("commit", 0.4))), Some(false));
        assert_eq!(met(Goal::at_most("p99", Bound::Own(3.0, "p50"))), Some(false));
        assert_eq!(met(Goal::at_most("p50", Bound::Fixed(2.0))), Some(true));
        let verdict = judge(Goal::at_least("messages", Bound::Fixed(1_400.0))).expect("measured");
        assert!((verdict.ratio - 0.5).abs() < 1e-9 && !verdict.met);
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let nothing = summary(&[("p50", 1.0)]);
        assert_eq!(Goal::at_most("p99", Bound::Fixed(1.0)).judge(&nothing, &nothing), None);
        assert_eq!(Goal::at_most("p50", Bound::Limit(1.0, "rows")).judge(&nothing, &nothing), None);
    }

    #[test]
    fn a_bound_is_told_in_words() {
        assert_eq!(Goal::at_least("x", Bound::Limit(0.7, "rows")).told(), "≥ 0.7 × rows");
        assert_eq!(Goal::at_most("x", Bound::Fixed(1_000_000.0)).told(), "≤ 1,000,000");
    }
}
