//! Samples and what is told of them.

use std::time::Duration;

use crate::number::{count, length, millis, nanos};

/// Times that were measured one by one, in nanoseconds. All are kept, so quantiles are exact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<u64>);

impl Samples {
    /// Room for so many, so that measuring does not wait for memory.
    pub(crate) fn with_room(samples: usize) -> Self {
        Self(Vec::with_capacity(samples))
    }

    pub(crate) fn add(&mut self, span: Duration) {
        self.0.push(nanos(span));
    }

    pub(crate) fn take_in(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Ends the measuring.
    pub(crate) fn sorted(mut self) -> Sorted {
        self.0.sort_unstable();
        Sorted(self.0)
    }
}

/// Samples in their order.
#[derive(Clone, Debug)]
pub(crate) struct Sorted(Vec<u64>);

impl Sorted {
    pub(crate) fn len(&self) -> u64 {
        count(self.0.len())
    }

    /// The sample that at least so many of a thousand do not exceed (the nearest rank), in milliseconds; zero when there
    /// is none.
    pub(crate) fn per_mille(&self, mille: u64) -> f64 {
        let rank = (self.len() * mille).div_ceil(1_000).max(1) - 1;
        millis(self.0.get(length(rank)).or(self.0.last()).copied().unwrap_or(0))
    }

    pub(crate) fn p50(&self) -> f64 {
        self.per_mille(500)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.per_mille(990)
    }

    pub(crate) fn max(&self) -> f64 {
        self.per_mille(1_000)
    }
}

/// The values of one figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    /// The middle one; the mean of the two middle ones of an even number.
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// What is told of some values; `None` of none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let median = match sorted.get(middle.wrapping_sub(1)) {
            Some(lower) if sorted.len().is_multiple_of(2) => f64::midpoint(*lower, upper),
            _ => upper,
        };
        Some(Self { min: *sorted.first()?, median, max: *sorted.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(millis: impl IntoIterator<Item = u64>) -> Sorted {
        let mut samples = Samples::default();
        millis.into_iter().for_each(|ms| samples.add(Duration::from_millis(ms)));
        samples.sorted()
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let hundred = samples((1..=100).rev());
        assert_eq!((hundred.p50(), hundred.p99(), hundred.max()), (50.0, 99.0, 100.0));
        let three = samples([30, 10, 20]);
        assert_eq!((three.p50(), three.p99(), three.max()), (20.0, 30.0, 30.0));
        assert_eq!((samples([7]).p50(), samples([]).p99()), (7.0, 0.0));
    }

    #[test]
    fn samples_of_two_are_put_together() {
        let mut one = Samples::with_room(2);
        one.add(Duration::from_millis(1));
        let mut other = Samples::default();
        other.add(Duration::from_millis(3));
        one.take_in(&other);
        assert_eq!((one.clone().sorted().len(), one.sorted().max()), (2, 3.0));
    }

    #[test]
    fn a_spread_has_the_middle_of_odd_and_even() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { min: 1.0, median: 2.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { min: 1.0, median: 2.5, max: 4.0 }));
        assert_eq!(Spread::of(&[5.0]), Some(Spread { min: 5.0, median: 5.0, max: 5.0 }));
        assert_eq!(Spread::of(&[]), None);
    }
}
