//! What is measured: a load, the figure of it that counts, and what bounds it.

use std::time::Duration;

use crate::baseline::Better;
use crate::limits::Limit;

/// What a figure is divided by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// A limit of this machine, measured for so long right before the load.
    Measured(Limit, Duration),
    /// A number that no machine has a part in.
    Fixed(f64),
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Probe {
    pub(super) name: &'static str,
    pub(super) command: &'static str,
    pub(super) figure: &'static str,
    pub(super) better: Better,
    pub(super) limit: Bound,
}

const SHORT: Duration = Duration::from_secs(1);

/// Everything, in the order of a round.
pub(super) const PLAN: [Probe; 5] = [
    Probe {
        name: "ingest, 1 a request / group commit",
        command: "ingest --connections 64 --sessions 64 --warmup 1 --seconds 2 --runs 1",
        figure: "messages",
        better: Better::More,
        limit: Bound::Measured(Limit::GroupCommit, SHORT),
    },
    Probe {
        name: "ingest, 100 a request / commits of 100",
        command: "ingest --connections 16 --sessions 64 --batch 100 --warmup 1 --seconds 2 --runs 1",
        figure: "messages",
        better: Better::More,
        limit: Bound::Measured(Limit::HundredRows, SHORT),
    },
    Probe {
        name: "fan-out to 1000 / loopback",
        command: "fanout --followers 1000 --messages 3000 --runs 1",
        figure: "events",
        better: Better::More,
        limit: Bound::Measured(Limit::Loopback, SHORT),
    },
    Probe {
        name: "publish to receive, 100 followers / paced commit",
        command: "fanout --followers 100 --rate 20 --warmup 1 --seconds 2 --runs 1",
        figure: "publish to receive p50",
        better: Better::Less,
        limit: Bound::Measured(Limit::PacedCommit, SHORT),
    },
    Probe {
        name: "memory of an idle follower / 10 KB",
        command: "idle --followers 2000 --settle 0 --runs 1",
        figure: "memory per follower",
        better: Better::Less,
        limit: Bound::Fixed(10.0),
    },
];

/// Which way a figure gets better; more, where nobody knows the figure any more.
pub(super) fn better(name: &str) -> Better {
    PLAN.iter().find(|probe| probe.name == name).map_or(Better::More, |probe| probe.better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_one_that_the_command_line_takes() {
        for probe in PLAN {
            let words = std::iter::once("flightdeck-bench").chain(probe.command.split_whitespace());
            let taken = crate::cli::grammar().try_get_matches_from(words);
            assert!(taken.is_ok(), "{}: {:?}", probe.command, taken.err());
        }
    }

    #[test]
    fn rates_get_better_upwards_and_times_and_memory_downwards() {
        for probe in PLAN {
            let down = probe.figure.contains("p50") || probe.figure.contains("memory");
            assert_eq!(probe.better == Better::Less, down, "{}", probe.name);
        }
    }
}
