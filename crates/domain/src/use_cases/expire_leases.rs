//! Sessions that are silent for longer than their lease are lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Has, Providers};
use crate::ports::{Clock, SessionRepository, StoreUnavailable, WakeUps};
use crate::session::Silence;
use crate::text::ProviderName;
use crate::time::Timestamp;

/// Loses sessions whose lease has run out. Call it about every second.
pub struct ExpireLeases {
    sessions: Arc<dyn SessionRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    lease: Duration,
    /// The time that sessions get to report after a start or an outage.
    grace: Duration,
    without_lease: Vec<ProviderName>,
    listening: Mutex<Listening>,
}

/// The time since which agents could report without a break.
#[derive(Clone, Copy)]
struct Listening {
    since: Timestamp,
    last_look: Timestamp,
}

impl ExpireLeases {
    /// The largest number of sessions that are lost in one transaction.
    pub const PAGE: usize = 100;
    /// The largest number of transactions in one call; the next call continues.
    pub const PAGES: usize = 20;
    /// The longest time that sessions get to report after a start or an outage, if the lease is longer.
    pub const GRACE: Duration = Duration::from_mins(10);

    /// Takes the ports it needs. Sessions of providers whose agents live in this process have no lease, unless there
    /// are [several replicas](Providers::at_replica). Agents can report from now on, so no session is lost within the
    /// first lease.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers, lease: Duration) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn WakeUps> + Has<dyn Clock>,
    {
        // Of several replicas one may go down and not come back: then only the lease tells of its agents.
        let alone = providers.replica().is_none();
        let silent = providers.iter().filter(|provider| {
            providers.has_no_lease(&provider.name()) || (alone && provider.capabilities().in_process)
        });
        Self::of(ports, silent.map(|provider| provider.name()).collect(), lease)
    }

    /// The same for the sessions of one provider, which have a lease of their own.
    #[must_use]
    pub fn of_provider<P>(ports: &P, providers: &Providers, name: &ProviderName, lease: Duration) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn WakeUps> + Has<dyn Clock>,
    {
        let others = providers.iter().map(|provider| provider.name()).filter(|other| other != name);
        Self::of(ports, others.collect(), lease)
    }

    fn of<P>(ports: &P, without_lease: Vec<ProviderName>, lease: Duration) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn WakeUps> + Has<dyn Clock>,
    {
        let clock: Arc<dyn Clock> = ports.port();
        let now = clock.now();
        Self {
            sessions: ports.port(),
            wake_ups: ports.port(),
            clock,
            lease,
            grace: lease.min(Self::GRACE),
            without_lease,
            listening: Mutex::new(Listening { since: now, last_look: now }),
        }
    }

    /// How long sessions may be silent.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// Loses sessions that were silent for too long, and gives their number.
    ///
    /// After an outage of the store, or a sleep of the machine, every lease begins again, because no session could
    /// report.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(&self) -> Result<usize, StoreUnavailable> {
        let now = self.clock.now();
        let silence = Silence::longer_than(self.lease, self.without_lease.clone(), now);
        if self.listening_since(now) >= now.saturating_sub(self.grace) {
            return Ok(0);
        }
        let mut total = 0;
        for _ in 0..Self::PAGES {
            let lost = self.sessions.lose(silence.clone(), Self::PAGE).await.inspect_err(|_| self.deaf(now))?;
            for session in &lost {
                self.wake_ups.session_moved(session.id, session.last_seq);
            }
            if !lost.is_empty() {
                self.wake_ups.feed_grew();
            }
            total += lost.len();
            if lost.len() < Self::PAGE {
                break;
            }
        }
        Ok(total)
    }

    fn listening_since(&self, now: Timestamp) -> Timestamp {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back would otherwise keep everybody's lease from running until it is there again.
        if now > listening.last_look.saturating_add(self.grace) || now.saturating_add(self.grace) < listening.last_look
        {
            listening.since = now;
        }
        listening.last_look = now;
        listening.since
    }

    fn deaf(&self, now: Timestamp) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).since = now;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::fixtures::{at, session};
    use crate::ids::Seq;
    use crate::ports::{Capabilities, MockAgentProvider, MockClock};
    use crate::session::Session;
    use crate::use_cases::Ports;
    use crate::use_cases::testing::MockPorts;

    /// A clock that shows these seconds one after the other; the first is the start.
    fn expire(mocks: MockPorts, seconds: &[i64]) -> ExpireLeases {
        let seconds = Mutex::new(seconds.iter().copied().collect::<VecDeque<_>>());
        let mut clock = MockClock::new();
        clock.expect_now().returning(move || at(seconds.lock().expect("one thread").pop_front().expect("a time")));
        let ports = Ports { clock: Arc::new(clock), ..mocks.ports() };
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
        provider.expect_capabilities().returning(|| Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process: true,
        });
        ExpireLeases::new(&ports, &Providers::default().with(Arc::new(provider)), Duration::from_mins(2))
    }

    fn lost(count: usize) -> Vec<Session> {
        vec![Session { last_seq: Seq::new(4), ..session(1) }; count]
    }

    #[tokio::test]
    async fn nobody_is_lost_within_the_first_lease_after_a_start() {
        let mut mocks = MockPorts::default();
        let asked = |silence: &Silence| {
            silence.not_seen_since == at(1)
                && silence.at == at(121)
                && silence.reason.as_ref().map(ToString::to_string).as_deref() == Some("no sign of life for 2m")
                && silence.without_lease.iter().map(ProviderName::as_str).eq(["robot"])
        };
        mocks.sessions.expect_lose().withf(move |silence, _| asked(silence)).times(1).returning(|_, _| Ok(vec![]));
        let expire = expire(mocks, &[0, 1, 60, 120, 121]);
        for _ in 0..4 {
            assert_eq!(expire.execute().await.expect("done"), 0);
        }
    }

    #[test]
    fn of_several_replicas_every_agent_has_a_lease() {
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(|| ProviderName::new("robot").expect("valid"));
        let name = crate::text::ReplicaName::new("replica a").expect("valid");
        let providers = Providers::default().with(Arc::new(provider)).at_replica(name);
        let expire = ExpireLeases::new(&MockPorts::default().ports(), &providers, Duration::from_mins(2));
        assert_eq!(expire.without_lease, []);
    }

    #[test]
    fn agents_that_are_silent_by_nature_have_no_lease() {
        let providers = Providers::default().without_lease(ProviderName::internal());
        let expire = ExpireLeases::new(&MockPorts::default().ports(), &providers, Duration::from_mins(2));
        assert_eq!(expire.without_lease, [ProviderName::internal()]);
    }

    #[test]
    fn the_agents_of_one_provider_may_have_a_lease_of_their_own() {
        let mut provider = MockAgentProvider::new();
        let quiet = ProviderName::new("quiet").expect("valid");
        let name = quiet.clone();
        provider.expect_name().returning(move || name.clone());
        let providers = Providers::default().with(Arc::new(provider)).without_lease(quiet.clone());
        let ports = MockPorts::default().ports();
        let expire = ExpireLeases::of_provider(&ports, &providers, &quiet, Duration::from_hours(24));
        assert_eq!((expire.without_lease, expire.grace), (vec![ProviderName::internal()], ExpireLeases::GRACE));
    }

    #[tokio::test]
    async fn who_is_lost_is_told_page_by_page() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_lose().times(1).returning(|_, limit| Ok(lost(limit)));
        mocks.sessions.expect_lose().times(1).returning(|_, _| Ok(lost(3)));
        mocks.wake_ups.expect_session_moved().withf(|_, seq| seq.get() == 4).times(103).return_const(());
        mocks.wake_ups.expect_feed_grew().times(2).return_const(());
        let expire = expire(mocks, &[0, 100, 200]);
        assert_eq!(expire.execute().await.expect("too early"), 0);
        assert_eq!(expire.execute().await.expect("done"), 103);
    }

    #[tokio::test]
    async fn one_call_is_bounded() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_lose().times(ExpireLeases::PAGES).returning(|_, limit| Ok(lost(limit)));
        mocks.wake_ups.expect_session_moved().return_const(());
        mocks.wake_ups.expect_feed_grew().return_const(());
        let expire = expire(mocks, &[0, 100, 200]);
        assert_eq!(expire.execute().await.expect("too early"), 0);
        assert_eq!(expire.execute().await.expect("done"), ExpireLeases::PAGE * ExpireLeases::PAGES);
    }

    #[tokio::test]
    async fn a_clock_that_jumps_a_day_ahead_and_back_loses_nobody_and_leases_run_on() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_lose().withf(|silence, _| silence.at == at(321)).times(1).returning(|_, _| Ok(lost(2)));
        mocks.wake_ups.expect_session_moved().return_const(());
        mocks.wake_ups.expect_feed_grew().return_const(());
        let expire = expire(mocks, &[0, 86_400, 86_410, 200, 260, 319, 321]);
        for _ in 0..5 {
            assert_eq!(expire.execute().await.expect("too early"), 0);
        }
        assert_eq!(expire.execute().await.expect("done"), 2);
    }

    #[tokio::test]
    async fn after_an_outage_and_after_a_sleep_leases_count_anew() {
        let mut mocks = MockPorts::default();
        mocks.sessions.expect_lose().times(1).returning(|_, _| Err(StoreUnavailable::new("away")));
        mocks.sessions.expect_lose().withf(|silence, _| silence.at == at(321)).times(1).returning(|_, _| Ok(vec![]));
        // Started at 0; the store is away at 200; the machine sleeps from 321 to 900.
        let expire = expire(mocks, &[0, 100, 200, 210, 320, 321, 900, 1_020]);
        assert_eq!(expire.execute().await.expect("too early"), 0);
        assert!(expire.execute().await.is_err());
        for _ in 0..5 {
            assert_eq!(expire.execute().await.expect("done"), 0);
        }
    }
}
