//! The fleet in numbers, with how old the oldest things are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Has;
use crate::ports::{Clock, FleetSurveyor, RunnerRepository, StoreUnavailable};
use crate::runner::RunnerState;
use crate::survey::{FleetSurvey, Waiting};
use crate::time::Timestamp;

/// The fleet in numbers, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetReport {
    /// What was counted.
    pub survey: FleetSurvey,
    /// How many runners are in each state. Of one that should be heard and is not the state is `None`.
    pub runners: BTreeMap<Option<RunnerState>, u64>,
    /// When it was counted.
    pub at: Timestamp,
}

impl FleetReport {
    /// How old the oldest of what waits is; zero when nothing waits.
    #[must_use]
    pub fn age(&self, waiting: Waiting) -> Duration {
        waiting.oldest.map(|oldest| self.at.since(oldest)).unwrap_or_default()
    }
}

/// Counts the fleet.
#[derive(Clone)]
pub struct SurveyFleet {
    surveyor: Arc<dyn FleetSurveyor>,
    runners: Arc<dyn RunnerRepository>,
    clock: Arc<dyn Clock>,
}

impl SurveyFleet {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn FleetSurveyor> + Has<dyn RunnerRepository> + Has<dyn Clock>,
    {
        Self { surveyor: ports.port(), runners: ports.port(), clock: ports.port() }
    }

    /// Counts. It is not to be called for each request: see [`FleetSurveyor::survey`].
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<FleetReport, StoreUnavailable> {
        let at = self.clock.now();
        let survey = self.surveyor.survey().await?;
        let mut runners = BTreeMap::new();
        for runner in self.runners.runners().await? {
            let is_heard = runner.state == RunnerState::Left || runner.is_there(at);
            *runners.entry(is_heard.then_some(runner.state)).or_default() += 1;
        }
        Ok(FleetReport { survey, runners, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;
    use crate::runner::Runner;
    use crate::runner::fixtures::runner;
    use crate::use_cases::Ports;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn runners_that_are_not_heard_are_told_apart_and_ages_are_from_now() {
        let mut mocks = MockPorts::default();
        let waits = Waiting { count: 2, oldest: Some(at(10)) };
        let survey = FleetSurvey { approvals: waits, ..FleetSurvey::default() };
        mocks.surveyor.expect_survey().returning(move || Ok(survey.clone()));
        mocks.runners.expect_runners().returning(|| {
            let heard = |name, second| Runner { seen_at: at(second), ..runner(name) };
            let left = Runner { state: RunnerState::Left, ..heard("d", 0) };
            Ok(vec![heard("a", 99), heard("b", 0), Runner { state: RunnerState::Draining, ..heard("c", 98) }, left])
        });
        let mut clock = crate::ports::MockClock::new();
        clock.expect_now().returning(|| at(100));
        let ports = Ports { clock: Arc::new(clock), ..mocks.ports() };
        let report = SurveyFleet::new(&ports).execute().await.expect("counted");
        let states = [None, Some(RunnerState::Active), Some(RunnerState::Draining), Some(RunnerState::Left)];
        assert_eq!(report.runners, states.map(|state| (state, 1)).into());
        assert_eq!(report.age(report.survey.approvals), Duration::from_secs(90));
        assert_eq!(report.age(report.survey.operations), Duration::ZERO, "nothing waits");
        let later = Waiting { oldest: Some(at(200)), ..waits };
        assert_eq!(report.age(later), Duration::ZERO, "another clock is ahead");
    }
}
