//! The HTTP side of one deployment, as it is put together.

use std::sync::Arc;

use flightdeck_domain::ports::{HookReceiver, Readiness};
use flightdeck_domain::use_cases::{Authenticate, EnforceBudgets, ExpireApprovals, FoldSpool, Ports, Providers};
use flightdeck_live::Hints;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::auth::KeyRing;
use crate::counters::Counters;
use crate::epochs::CurrentEpoch;
use crate::housekeeping::{self, House};
use crate::options::ApiOptions;
use crate::readiness::Answers;
use crate::throttle::ControlThrottle;
use crate::throttles::Throttles;

/// The HTTP side of one deployment: what it is made of. [`Listening::serve`](crate::Listening::serve) makes of it what the
/// handlers take; no handler sees the whole.
pub struct Api {
    pub(crate) ports: Ports,
    pub(crate) providers: Providers,
    pub(crate) hints: Arc<Hints>,
    pub(crate) options: ApiOptions,
    /// What streams run on.
    pub(crate) runtime: Handle,
    pub(crate) shutdown: CancellationToken,
    pub(crate) epoch: CurrentEpoch,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) throttles: Throttles,
    pub(crate) counters: Arc<Counters>,
    pub(crate) claude_code: Option<Arc<dyn HookReceiver>>,
    pub(crate) readiness: Arc<dyn Readiness>,
}

impl Api {
    /// Takes the ports of the deployment. Streams run on the given runtime and end when `shutdown` is cancelled.
    #[must_use]
    pub fn new(
        ports: &Ports,
        providers: &Providers,
        hints: Arc<Hints>,
        options: ApiOptions,
        runtime: &Handle,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            ports: ports.clone(),
            providers: providers.clone(),
            hints,
            runtime: runtime.clone(),
            shutdown,
            epoch: CurrentEpoch::default(),
            keys: Arc::new(KeyRing::new(Authenticate::new(ports))),
            throttles: Throttles::new(&options),
            counters: Arc::default(),
            claude_code: None,
            readiness: Arc::new(Answers(Arc::clone(&ports.feed))),
            options,
        }
    }

    /// Counts control calls otherwise than in this process alone; the rate of the options has no meaning then.
    #[must_use]
    pub fn with_control_throttle(self, throttle: impl ControlThrottle + 'static) -> Self {
        let throttles = Throttles { control: Arc::new(throttle), ..self.throttles };
        Self { throttles, ..self }
    }

    /// Counts what is turned away where others count too.
    #[must_use]
    pub fn with_counters(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }

    /// Takes in the hooks of Claude Code.
    #[must_use]
    pub fn with_claude_code(self, hooks: Arc<dyn HookReceiver>) -> Self {
        Self { claude_code: Some(hooks), ..self }
    }

    /// Asks more of the store for readiness than that it answers.
    #[must_use]
    pub fn with_readiness(self, readiness: Arc<dyn Readiness>) -> Self {
        Self { readiness, ..self }
    }

    /// Where the epoch that holds is told to the streams.
    #[must_use]
    pub fn epoch(&self) -> CurrentEpoch {
        self.epoch.clone()
    }

    /// Keeps house until the shutdown: ends the streams of revoked keys, forgets quiet ones, closes permission
    /// requests whose deadline has passed, pauses at used-up budgets, loses silent sessions, folds the spool into the audit log.
    ///
    /// Its tasks are workers of the process, on the runtime that this is called on.
    pub fn keep_house(&self) {
        let Self { ports, providers, .. } = self;
        let house = House {
            counters: Arc::clone(&self.counters),
            keys: Arc::clone(&self.keys),
            throttles: self.throttles.clone(),
            fold_spool: FoldSpool::new(ports, providers),
            enforce_budgets: self.enforce_budgets(),
            expire_approvals: ExpireApprovals::new(ports),
        };
        let leases = housekeeping::all_leases(ports, providers, &self.options);
        housekeeping::start(&Handle::current(), house, leases, &self.shutdown);
    }

    /// Pauses at used-up budgets, and tells the log how that ended.
    pub(crate) fn enforce_budgets(&self) -> EnforceBudgets {
        EnforceBudgets::new(&self.ports, &self.providers).telling(housekeeping::tell_of_budgets)
    }
}
